//! Runs a program on a frame, as the kernel does.

use crate::program::{Instruction, beside, code};

/// A frame and what the kernel tells beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// The frame, or its beginning.
    pub frame: &'a [u8],
    /// Length that the kernel gives: on the wire, less a VLAN tag that was taken out.
    pub wire_len: usize,
    /// VLAN tag (TCI, IEEE 802.1Q, 9.6) that was taken out.
    pub tag: Option<u16>,
    /// Whether this machine sent the frame.
    pub outgoing: bool,
    /// Number of the interface.
    pub interface: u32,
}

/// Registers.
#[derive(Default)]
struct Machine {
    a: u32,
    x: u32,
    memory: [u32; MEMORY],
}

/// Cells of memory (`BPF_MEMWORDS`).
const MEMORY: usize = 16;

/// What is let through of the frame, in bytes; 0 when it is not, or when the program reads beyond it.
pub(crate) fn run(program: &[Instruction], seen: &Seen<'_>) -> u32 {
    let (mut machine, mut at) = (Machine::default(), 0_usize);
    // Jumps go forward only, so that the program ends.
    while let Some(instruction) = program.get(at) {
        at += 1;
        match instruction.code {
            code::RETURN => return instruction.k,
            code::JUMP => at = at.saturating_add(instruction.k as usize),
            code if code & 0x07 == 0x05 => {
                let skipped = if machine.holds(*instruction) { instruction.jt } else { instruction.jf };
                at += usize::from(skipped);
            }
            _ => {
                if machine.step(*instruction, seen).is_none() {
                    return 0;
                }
            }
        }
    }
    0
}

impl Machine {
    #[inline]
    fn holds(&self, Instruction { code, k, .. }: Instruction) -> bool {
        let with = if code & code::BY_X == 0 { k } else { self.x };
        match code & !code::BY_X {
            code::IF_EQUAL => self.a == with,
            code::IF_GREATER => self.a > with,
            code::IF_AT_LEAST => self.a >= with,
            _ => self.a & with != 0,
        }
    }

    /// Anything but a jump or a return; nothing when it cannot be done.
    #[inline]
    fn step(&mut self, instruction: Instruction, seen: &Seen<'_>) -> Option<()> {
        let Instruction { code, k, .. } = instruction;
        let cell = k as usize;
        match code {
            code::LOAD_4 | code::LOAD_2 | code::LOAD_1 => {
                self.a = match seen.beside(k) {
                    Some(told) => told,
                    None => seen.load(code, k)?,
                };
            }
            code::LOAD_4_AT_X | code::LOAD_2_AT_X | code::LOAD_1_AT_X => {
                self.a = seen.load(code, self.x.checked_add(k)?)?;
            }
            code::LOAD_LENGTH => self.a = seen.length(),
            code::LOAD_NUMBER => self.a = k,
            code::LOAD_X_NUMBER => self.x = k,
            code::LOAD_MEMORY => self.a = *self.memory.get(cell)?,
            code::LOAD_X_MEMORY => self.x = *self.memory.get(cell)?,
            code::LOAD_X_HEADER => self.x = (seen.load(code::LOAD_1, k)? & 0x0f) * 4,
            code::LOAD_X_LENGTH => self.x = seen.length(),
            code::STORE => *self.memory.get_mut(cell)? = self.a,
            code::STORE_X => *self.memory.get_mut(cell)? = self.x,
            code::TO_X => self.x = self.a,
            code::FROM_X => self.a = self.x,
            code::NEGATE => self.a = self.a.wrapping_neg(),
            _ => {
                let with = if code & code::BY_X == 0 { k } else { self.x };
                self.a = calculate(code & !code::BY_X, self.a, with)?;
            }
        }
        Some(())
    }
}

/// `a op b`; nothing when divided by zero, or the operation is none. Only the low five bits of `b` shift, as in the
/// kernel.
pub(crate) fn calculate(code: u16, a: u32, b: u32) -> Option<u32> {
    Some(match code {
        code::ADD => a.wrapping_add(b),
        code::SUBTRACT => a.wrapping_sub(b),
        code::MULTIPLY => a.wrapping_mul(b),
        code::DIVIDE => a.checked_div(b)?,
        code::MODULO => a.checked_rem(b)?,
        code::OR => a | b,
        code::AND => a & b,
        code::XOR => a ^ b,
        code::SHIFT_LEFT => a.wrapping_shl(b),
        code::SHIFT_RIGHT => a.wrapping_shr(b),
        _ => return None,
    })
}

impl Seen<'_> {
    fn length(&self) -> u32 {
        u32::try_from(self.wire_len).unwrap_or(u32::MAX)
    }

    #[inline]
    fn beside(&self, k: u32) -> Option<u32> {
        Some(match k {
            beside::PACKET_TYPE => u32::from(self.outgoing) * 4,
            beside::INTERFACE => self.interface,
            beside::VLAN_TAG => u32::from(self.tag.unwrap_or_default()),
            beside::VLAN_TAG_PRESENT => u32::from(self.tag.is_some()),
            _ => return None,
        })
    }

    #[inline]
    fn load(&self, code: u16, at: u32) -> Option<u32> {
        let rest = self.frame.get(at as usize..)?;
        Some(match code {
            code::LOAD_4 | code::LOAD_4_AT_X => u32::from_be_bytes(*rest.first_chunk()?),
            code::LOAD_2 | code::LOAD_2_AT_X => u32::from(u16::from_be_bytes(*rest.first_chunk()?)),
            _ => u32::from(*rest.first()?),
        })
    }
}
