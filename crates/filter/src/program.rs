//! Instructions of classic BPF (BPF93, 3; Linux kernel documentation, *networking/filter*).

use std::fmt;

/// One instruction, as the kernel takes it (`struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What is done: class, size or operation, mode or source.
    pub code: u16,
    /// Instructions that are skipped when a comparison holds.
    pub jt: u8,
    /// Instructions that are skipped when it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// Codes: the accumulator A, the index X, memory M, the packet P.
pub(crate) mod code {
    /// A = P\[k\], 4, 2 and 1 bytes.
    pub(crate) const LOAD_4: u16 = 0x20;
    pub(crate) const LOAD_2: u16 = 0x28;
    pub(crate) const LOAD_1: u16 = 0x30;
    /// A = P\[X + k\].
    pub(crate) const LOAD_4_AT_X: u16 = 0x40;
    pub(crate) const LOAD_2_AT_X: u16 = 0x48;
    pub(crate) const LOAD_1_AT_X: u16 = 0x50;
    /// A = length of the packet.
    pub(crate) const LOAD_LENGTH: u16 = 0x80;
    /// A = k, X = k.
    pub(crate) const LOAD_NUMBER: u16 = 0x00;
    pub(crate) const LOAD_X_NUMBER: u16 = 0x01;
    /// A = M\[k\], X = M\[k\].
    pub(crate) const LOAD_MEMORY: u16 = 0x60;
    pub(crate) const LOAD_X_MEMORY: u16 = 0x61;
    /// X = 4 * (P\[k\] & 0xf): length of an IPv4 header.
    pub(crate) const LOAD_X_HEADER: u16 = 0xb1;
    /// X = length of the packet.
    pub(crate) const LOAD_X_LENGTH: u16 = 0x81;
    /// M\[k\] = A, M\[k\] = X.
    pub(crate) const STORE: u16 = 0x02;
    pub(crate) const STORE_X: u16 = 0x03;
    /// A = A op k; [`BY_X`] takes X instead of k.
    pub(crate) const ADD: u16 = 0x04;
    pub(crate) const SUBTRACT: u16 = 0x14;
    pub(crate) const MULTIPLY: u16 = 0x24;
    pub(crate) const DIVIDE: u16 = 0x34;
    pub(crate) const OR: u16 = 0x44;
    pub(crate) const AND: u16 = 0x54;
    pub(crate) const SHIFT_LEFT: u16 = 0x64;
    pub(crate) const SHIFT_RIGHT: u16 = 0x74;
    pub(crate) const NEGATE: u16 = 0x84;
    pub(crate) const MODULO: u16 = 0x94;
    pub(crate) const XOR: u16 = 0xa4;
    /// Skips k instructions.
    pub(crate) const JUMP: u16 = 0x05;
    /// Compares A with k; [`BY_X`] with X.
    pub(crate) const IF_EQUAL: u16 = 0x15;
    pub(crate) const IF_GREATER: u16 = 0x25;
    pub(crate) const IF_AT_LEAST: u16 = 0x35;
    pub(crate) const IF_ANY_BIT: u16 = 0x45;
    pub(crate) const BY_X: u16 = 0x08;
    /// Ends; k bytes of the frame are let through.
    pub(crate) const RETURN: u16 = 0x06;
    /// X = A, A = X.
    pub(crate) const TO_X: u16 = 0x07;
    pub(crate) const FROM_X: u16 = 0x87;
}

/// Offsets at which the kernel tells what is not in the frame (`linux/filter.h`, `SKF_AD_OFF` and what follows).
pub(crate) mod beside {
    const FIRST: u32 = 0xffff_f000;
    /// Who the frame was for; 4 is another host's, that is, sent by this machine.
    pub(crate) const PACKET_TYPE: u32 = FIRST + 4;
    pub(crate) const INTERFACE: u32 = FIRST + 8;
    pub(crate) const VLAN_TAG: u32 = FIRST + 44;
    pub(crate) const VLAN_TAG_PRESENT: u32 = FIRST + 48;
}

/// Bytes of a frame that are let through: more than any has.
pub(crate) const WHOLE: u32 = 0x4_0000;

impl Instruction {
    pub(crate) fn new(code: u16, k: u32) -> Self {
        Self { code, jt: 0, jf: 0, k }
    }

    /// Whether it ends the program and lets the frame through.
    pub(crate) fn accepts(self) -> bool {
        self.code == code::RETURN && self.k != 0
    }

    /// The instruction in words, standing at place `at` of its program.
    pub(crate) fn shown(self, at: usize) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            let Self { code, jt, jf, k } = self;
            let name = name(code);
            match code & 0x07 {
                _ if code == code::JUMP => write!(f, "{name:<8} {}", at + 1 + k as usize),
                0x05 => {
                    let to = |skipped: u8| at + 1 + usize::from(skipped);
                    write!(f, "{name:<8} {:<16} jt {}\tjf {}", operand(self), to(jt), to(jf))
                }
                _ => write!(f, "{}", format!("{name:<8} {}", operand(self)).trim_end()),
            }
        })
    }
}

fn name(code: u16) -> &'static str {
    const NAMES: [(u16, &str); 28] = [
        (code::LOAD_4, "ld"),
        (code::LOAD_2, "ldh"),
        (code::LOAD_1, "ldb"),
        (code::LOAD_4_AT_X, "ld"),
        (code::LOAD_2_AT_X, "ldh"),
        (code::LOAD_1_AT_X, "ldb"),
        (code::LOAD_LENGTH, "ld"),
        (code::LOAD_NUMBER, "ld"),
        (code::LOAD_X_NUMBER, "ldx"),
        (code::LOAD_MEMORY, "ld"),
        (code::LOAD_X_MEMORY, "ldx"),
        (code::LOAD_X_HEADER, "ldxb"),
        (code::LOAD_X_LENGTH, "ldx"),
        (code::STORE, "st"),
        (code::STORE_X, "stx"),
        (code::ADD, "add"),
        (code::SUBTRACT, "sub"),
        (code::MULTIPLY, "mul"),
        (code::DIVIDE, "div"),
        (code::OR, "or"),
        (code::AND, "and"),
        (code::SHIFT_LEFT, "lsh"),
        (code::SHIFT_RIGHT, "rsh"),
        (code::NEGATE, "neg"),
        (code::MODULO, "mod"),
        (code::XOR, "xor"),
        (code::TO_X, "tax"),
        (code::FROM_X, "txa"),
    ];
    const JUMPS: [(u16, &str); 6] = [
        (code::JUMP, "ja"),
        (code::IF_EQUAL, "jeq"),
        (code::IF_GREATER, "jgt"),
        (code::IF_AT_LEAST, "jge"),
        (code::IF_ANY_BIT, "jset"),
        (code::RETURN, "ret"),
    ];
    let plain = if matches!(code & 0x07, 0x04 | 0x05) { code & !code::BY_X } else { code };
    NAMES.iter().chain(&JUMPS).find(|(known, _)| *known == plain).map_or("?", |(_, name)| name)
}

fn operand(Instruction { code, k, .. }: Instruction) -> String {
    match code {
        code::LOAD_4 | code::LOAD_2 | code::LOAD_1 => match k {
            beside::PACKET_TYPE => "[type]".to_owned(),
            beside::INTERFACE => "[ifidx]".to_owned(),
            beside::VLAN_TAG => "[vlan_tci]".to_owned(),
            beside::VLAN_TAG_PRESENT => "[vlanp]".to_owned(),
            _ => format!("[{k}]"),
        },
        code::LOAD_4_AT_X | code::LOAD_2_AT_X | code::LOAD_1_AT_X => format!("[x + {k}]"),
        code::LOAD_LENGTH | code::LOAD_X_LENGTH => "#pktlen".to_owned(),
        code::LOAD_X_HEADER => format!("4*([{k}]&0xf)"),
        code::LOAD_MEMORY | code::LOAD_X_MEMORY | code::STORE | code::STORE_X => format!("M[{k}]"),
        code::NEGATE | code::TO_X | code::FROM_X => String::new(),
        code::RETURN => format!("#{k}"),
        _ if matches!(code & 0x07, 0x04 | 0x05) && code & code::BY_X != 0 => "x".to_owned(),
        _ => format!("#{k:#x}"),
    }
}
