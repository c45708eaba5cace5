//! Numbers from the frame, and comparisons of them.

#![allow(clippy::wildcard_enum_match_arm, reason = "tokens that are not expected are refused alike")]

use super::{OPERATORS_MAX, Parser, primitive};
use crate::Error;
use crate::condition::{Compare, Operator, Width};
use crate::lex::Kind;
use crate::program::code;
use crate::syntax::{Arithmetic, Relation};

/// How an operator binds to what stands left and right of it; the higher, the closer. By libpcap's grammar `%` and `^`
/// take all that follows for their right side.
const OPERATORS: [(&str, u16, u8, u8); 10] = [
    ("|", code::OR, 1, 2),
    ("&", code::AND, 2, 3),
    ("<<", code::SHIFT_LEFT, 3, 4),
    (">>", code::SHIFT_RIGHT, 3, 4),
    ("+", code::ADD, 4, 5),
    ("-", code::SUBTRACT, 4, 5),
    ("*", code::MULTIPLY, 5, 6),
    ("/", code::DIVIDE, 5, 6),
    ("%", code::MODULO, 9, 0),
    ("^", code::XOR, 9, 0),
];
/// How a minus binds to the number that it negates.
const NEGATION: u8 = 6;

/// Comparisons; the last says whether the contrary is meant.
const COMPARISONS: [(&str, Compare, bool); 7] = [
    ("=", Compare::Equal, false),
    ("==", Compare::Equal, false),
    ("!=", Compare::Equal, true),
    (">", Compare::Greater, false),
    ("<=", Compare::Greater, true),
    (">=", Compare::AtLeast, false),
    ("<", Compare::AtLeast, true),
];

/// Whether `sign` can follow a number in a comparison.
pub(super) fn continues(sign: &str) -> bool {
    OPERATORS.iter().any(|(known, ..)| *known == sign) || COMPARISONS.iter().any(|(known, ..)| *known == sign)
}

impl Parser<'_> {
    /// Two numbers with a comparison between.
    pub(super) fn compared(&mut self) -> Result<Relation, Error> {
        let left = self.arithmetic(0)?;
        let token = self.token();
        let known = COMPARISONS.iter().find(|(sign, ..)| token.kind == Kind::Sign && *sign == token.text);
        let (_, compare, is_contrary) =
            *known.ok_or_else(|| self.unexpected("a comparison: = != < <= > or >="))?;
        self.at += 1;
        Ok(Relation { left, compare, is_contrary, right: self.arithmetic(0)? })
    }

    /// A number made with operators that bind at least as closely as `closeness`.
    fn arithmetic(&mut self, closeness: u8) -> Result<Arithmetic, Error> {
        let mut left = self.nested(Self::number)?;
        loop {
            let token = self.token();
            let known = OPERATORS.iter().find(|(sign, ..)| token.kind == Kind::Sign && *sign == token.text);
            let Some((_, code, _, on_right)) =
                known.copied().filter(|(_, _, on_left, _)| *on_left >= closeness)
            else {
                return Ok(left);
            };
            self.operators += 1;
            if self.operators > OPERATORS_MAX {
                let (column, what) = (token.column, "arithmetic operators");
                return Err(Error::TooDeep { column, what, max: OPERATORS_MAX });
            }
            self.at += 1;
            let right = self.nested(|parser| parser.arithmetic(on_right))?;
            let (left_side, right) = (Box::new(left), Box::new(right));
            left =
                Arithmetic::Binary { column: token.column, operator: Operator(code), left: left_side, right };
        }
    }

    fn number(&mut self) -> Result<Arithmetic, Error> {
        let token = self.token();
        if self.take_sign("-") {
            let inner = self.arithmetic(NEGATION)?;
            return Ok(Arithmetic::Negative(Box::new(inner)));
        }
        if self.take_sign("(") {
            let inner = self.arithmetic(0)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        match token.kind {
            Kind::Number(number) => {
                self.at += 1;
                Ok(Arithmetic::Number(number))
            }
            Kind::Word if matches!(token.text, "len" | "length") => {
                self.at += 1;
                Ok(Arithmetic::Length)
            }
            Kind::Word => self.load(),
            _ => Err(self.unexpected("a number, len, or bytes such as tcp[0:2]")),
        }
    }

    fn load(&mut self) -> Result<Arithmetic, Error> {
        let token = self.token();
        let protocol = primitive::protocol(token.text)
            .ok_or_else(|| self.unexpected("a number, len, or bytes such as tcp[0:2]"))?;
        self.at += 1;
        self.expect_sign("[")?;
        let at = Box::new(self.arithmetic(0)?);
        let width = if self.take_sign(":") { self.width()? } else { Width::One };
        self.expect_sign("]")?;
        Ok(Arithmetic::Load { column: token.column, protocol, at, width })
    }

    fn width(&mut self) -> Result<Width, Error> {
        let width = match self.token().kind {
            Kind::Number(1) => Width::One,
            Kind::Number(2) => Width::Two,
            Kind::Number(4) => Width::Four,
            _ => return Err(self.unexpected("1, 2 or 4 bytes")),
        };
        self.at += 1;
        Ok(width)
    }
}
