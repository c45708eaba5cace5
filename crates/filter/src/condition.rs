//! What a filter asks of a frame, in terms of bytes: no protocol is named here any more.

use crate::machine;
use crate::program::code;

/// A question that is answered by yes or no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The same answer for every frame.
    Always(bool),
    Test(Test),
    Not(Box<Condition>),
    /// From left to right; `and` and `or` bind alike.
    Chain(Box<Condition>, Vec<(Join, Condition)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
}

/// Compares two numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Test {
    pub(crate) left: Value,
    pub(crate) compare: Compare,
    pub(crate) right: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Compare {
    Equal,
    Greater,
    AtLeast,
    /// A bit that is set in both.
    AnyBit,
}

/// A number that is known from a frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    Number(u32),
    /// Length of the frame.
    Length,
    /// Bytes of the frame, most significant first, `at` behind the place that `base` tells, or behind its beginning.
    Bytes {
        base: Option<Box<Value>>,
        at: u32,
        width: Width,
    },
    /// Length in bytes of an IPv4 header that begins at this offset (RFC 791, 3.1).
    HeaderLength(u32),
    /// What the kernel tells at this offset.
    Beside(u32),
    Binary(Operator, Box<Value>, Box<Value>),
    Negative(Box<Value>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Width {
    One,
    Two,
    Four,
}

/// An operation, by its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operator(pub(crate) u16);

impl Condition {
    /// All of them, in this order.
    pub(crate) fn all(of: impl IntoIterator<Item = Condition>) -> Self {
        Self::joined(Join::And, of)
    }

    /// Any of them, in this order.
    pub(crate) fn any(of: impl IntoIterator<Item = Condition>) -> Self {
        Self::joined(Join::Or, of)
    }

    fn joined(join: Join, of: impl IntoIterator<Item = Condition>) -> Self {
        let mut of = of.into_iter();
        let first = of.next().unwrap_or(Self::Always(join == Join::And));
        let rest: Vec<_> = of.map(|condition| (join, condition)).collect();
        if rest.is_empty() { first } else { Self::Chain(Box::new(first), rest) }
    }

    pub(crate) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl From<Test> for Condition {
    fn from(test: Test) -> Self {
        match (&test.left, &test.right) {
            (Value::Number(left), Value::Number(right)) => Self::Always(test.compare.holds(*left, *right)),
            _ => Self::Test(test),
        }
    }
}

impl Compare {
    pub(crate) fn holds(self, left: u32, right: u32) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
            Self::AnyBit => left & right != 0,
        }
    }
}

impl Value {
    pub(crate) fn bytes(at: u32, width: Width) -> Self {
        Self::Bytes { base: None, at, width }
    }

    /// `left op right`, calculated when both are known; nothing when that divides by zero.
    pub(crate) fn binary(operator: Operator, left: Value, right: Value) -> Option<Self> {
        match (&left, &right) {
            (_, Self::Number(0)) if matches!(operator.0, code::DIVIDE | code::MODULO) => None,
            (Self::Number(left), Self::Number(right)) => {
                machine::calculate(operator.0, *left, *right).map(Self::Number)
            }
            _ => Some(Self::Binary(operator, Box::new(left), Box::new(right))),
        }
    }

    /// The value with its sign changed.
    pub(crate) fn negative(self) -> Self {
        if let Self::Number(number) = self {
            return Self::Number(number.wrapping_neg());
        }
        Self::Negative(Box::new(self))
    }

    /// The value under `mask`.
    pub(crate) fn masked(self, mask: u32) -> Self {
        if mask == u32::MAX {
            return self;
        }
        Self::Binary(Operator(code::AND), Box::new(self), Box::new(Self::Number(mask)))
    }

    pub(crate) fn plus(self, number: u32) -> Self {
        Self::Binary(Operator(code::ADD), Box::new(self), Box::new(Self::Number(number)))
    }

    pub(crate) fn is(self, number: u32) -> Condition {
        self.compare(Compare::Equal, number)
    }

    pub(crate) fn compare(self, compare: Compare, number: u32) -> Condition {
        Test { left: self, compare, right: Value::Number(number) }.into()
    }
}
