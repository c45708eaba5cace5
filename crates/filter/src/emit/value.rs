//! Numbers into the registers.

use crate::condition::{Operator, Test, Value, Width};
use crate::program::{Instruction, beside, code};

/// What the registers are known to hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Registers<'a> {
    a: Option<&'a Value>,
    /// Length of the IPv4 header that begins at this offset.
    x: Option<u32>,
}

impl<'a> Registers<'a> {
    /// Forgets what is not so on another way to the same place.
    pub(super) fn meet(&mut self, other: &Self) {
        self.a = self.a.filter(|held| other.a == Some(held));
        self.x = self.x.filter(|held| other.x == Some(*held));
    }

    /// What brings the left side of `test` into A and, unless it is a number, the right side into X. Returns
    /// instructions, whether X is compared with, and the number else.
    pub(super) fn prepare(&mut self, test: &'a Test) -> (Vec<Instruction>, bool, u32) {
        let mut code = Code { instructions: vec![], x: self.x };
        if let Value::Number(number) = test.right {
            if self.a != Some(&test.left) {
                code.value(&test.left, 0);
            }
            (self.a, self.x) = (Some(&test.left), code.x);
            return (code.instructions, false, number);
        }
        code.both(&test.left, &test.right, 0);
        *self = Self { a: Some(&test.left), x: None };
        (code.instructions, true, 0)
    }
}

struct Code {
    instructions: Vec<Instruction>,
    /// As in [`Registers`].
    x: Option<u32>,
}

impl Code {
    fn push(&mut self, code: u16, k: u32) {
        self.instructions.push(Instruction::new(code, k));
    }

    /// Brings a value into A. Memory from cell `free` on may be used, X is lost.
    fn value(&mut self, value: &Value, free: u32) {
        match value {
            Value::Number(number) => self.push(code::LOAD_NUMBER, *number),
            Value::Length => self.push(code::LOAD_LENGTH, 0),
            Value::Beside(at) => {
                self.push(if *at == beside::VLAN_TAG { code::LOAD_2 } else { code::LOAD_4 }, *at)
            }
            Value::HeaderLength(at) => {
                self.header_length(*at);
                self.push(code::FROM_X, 0);
            }
            Value::Bytes { base: None, at, width } => self.push(load(*width), *at),
            Value::Bytes { base: Some(base), at, width } => {
                if let Value::HeaderLength(at) = base.as_ref() {
                    self.header_length(*at);
                } else {
                    self.value(base, free);
                    self.push(code::TO_X, 0);
                    self.x = None;
                }
                self.push(load_at_x(*width), *at);
            }
            Value::Negative(inner) => {
                self.value(inner, free);
                self.push(code::NEGATE, 0);
            }
            Value::Binary(Operator(operator), left, right) => {
                if let Value::Number(number) = right.as_ref() {
                    self.value(left, free);
                    self.push(*operator, *number);
                } else {
                    self.both(left, right, free);
                    self.push(operator | code::BY_X, 0);
                }
            }
        }
    }

    /// Brings two values into A and X, the one first that needs more memory: so 16 cells, as the kernel has, are enough
    /// for 2^16 operators.
    fn both(&mut self, left: &Value, right: &Value, free: u32) {
        if *right == Value::Length {
            self.value(left, free);
            self.push(code::LOAD_X_LENGTH, 0);
        } else if cells(left) > cells(right) {
            self.value(left, free);
            self.push(code::STORE, free);
            self.value(right, free + 1);
            self.push(code::TO_X, 0);
            self.push(code::LOAD_MEMORY, free);
        } else {
            self.value(right, free);
            self.push(code::STORE, free);
            self.value(left, free + 1);
            self.push(code::LOAD_X_MEMORY, free);
        }
        self.x = None;
    }

    fn header_length(&mut self, at: u32) {
        if self.x != Some(at) {
            self.push(code::LOAD_X_HEADER, at);
            self.x = Some(at);
        }
    }
}

fn load(width: Width) -> u16 {
    match width {
        Width::One => code::LOAD_1,
        Width::Two => code::LOAD_2,
        Width::Four => code::LOAD_4,
    }
}

fn load_at_x(width: Width) -> u16 {
    match width {
        Width::One => code::LOAD_1_AT_X,
        Width::Two => code::LOAD_2_AT_X,
        Width::Four => code::LOAD_4_AT_X,
    }
}

/// Cells of memory that it takes to calculate `value`.
fn cells(value: &Value) -> u32 {
    match value {
        Value::Number(_) | Value::Length | Value::Beside(_) | Value::HeaderLength(_) => 0,
        Value::Bytes { base, .. } => base.as_deref().map_or(0, cells),
        Value::Negative(inner) => cells(inner),
        Value::Binary(_, left, right) if matches!(right.as_ref(), Value::Number(_) | Value::Length) => {
            cells(left)
        }
        Value::Binary(_, left, right) => {
            let (left, right) = (cells(left), cells(right));
            left.max(right).max(left.min(right) + 1)
        }
    }
}
