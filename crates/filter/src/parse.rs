//! Tokens to syntax, by *pcap-filter(7)*: `and` and `or` bind alike, from left to right; `not` binds closest; a value
//! without qualifiers takes those of the value before (`port 502 or 102`).

#![allow(clippy::wildcard_enum_match_arm, reason = "tokens that are not expected are refused alike")]

mod arithmetic;
mod primitive;
mod value;

use crate::Error;
use crate::condition::Join;
use crate::lex::{Kind, Token};
use crate::syntax::{Expression, Primitive};
use value::Qualifiers;

/// Parentheses, negations and brackets within one another; a filter with more is refused.
const NESTING_MAX: usize = 100;
/// Arithmetic operators of a filter; one with more is refused.
const OPERATORS_MAX: usize = 500;

/// Reads all tokens; nothing when there are none.
pub(crate) fn parse(tokens: &[Token<'_>]) -> Result<Option<Expression>, Error> {
    if tokens.first().is_none_or(|token| token.kind == Kind::End) {
        return Ok(None);
    }
    let mut parser = Parser { tokens, closed_by: closed_by(tokens), at: 0, depth: 0, operators: 0 };
    let (expression, _) = parser.chain(None)?;
    match parser.token().kind {
        Kind::End => Ok(Some(expression)),
        _ => Err(parser.unexpected("and, or, or the end")),
    }
}

struct Parser<'a> {
    /// The last of them is the end, which is never passed.
    tokens: &'a [Token<'a>],
    /// For each opening parenthesis, where it is closed.
    closed_by: Vec<Option<usize>>,
    at: usize,
    depth: usize,
    operators: usize,
}

/// A part, and the qualifiers that the next value without any takes.
type Parsed = (Expression, Option<Qualifiers>);

impl<'a> Parser<'a> {
    fn token(&self) -> Token<'a> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Token<'a> {
        let end = Token { kind: Kind::End, text: "", column: 1 };
        *self.tokens.get(self.at + by).or(self.tokens.last()).unwrap_or(&end)
    }

    fn advance(&mut self) -> Token<'a> {
        let token = self.token();
        self.at += 1;
        token
    }

    fn is_sign(&self, sign: &str) -> bool {
        let token = self.token();
        token.kind == Kind::Sign && token.text == sign
    }

    fn is_word(&self, word: &str) -> bool {
        let token = self.token();
        token.kind == Kind::Word && token.text == word
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is = self.is_sign(sign);
        self.at += usize::from(is);
        is
    }

    fn expect_sign(&mut self, sign: &'static str) -> Result<(), Error> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected(sign)) }
    }

    fn unexpected(&self, expected: &'static str) -> Error {
        let Token { kind, text, column } = self.token();
        let found = if kind == Kind::End { "the end".to_owned() } else { format!("{text:?}") };
        Error::Unexpected { column, expected, found }
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == NESTING_MAX {
            let column = self.token().column;
            return Err(Error::TooDeep { column, what: "levels of nesting", max: NESTING_MAX });
        }
        self.depth += 1;
        let done = inner(self);
        self.depth -= 1;
        done
    }

    fn chain(&mut self, inherited: Option<Qualifiers>) -> Result<Parsed, Error> {
        let (first, mut qualifiers) = self.operand(inherited)?;
        let mut rest = vec![];
        loop {
            let join = match self.token().kind {
                Kind::And => Join::And,
                Kind::Or => Join::Or,
                _ if rest.is_empty() => return Ok((first, qualifiers)),
                _ => return Ok((Expression::Chain(Box::new(first), rest), qualifiers)),
            };
            self.at += 1;
            let (next, of_next) = self.operand(qualifiers)?;
            rest.push((join, next));
            qualifiers = of_next;
        }
    }

    fn operand(&mut self, inherited: Option<Qualifiers>) -> Result<Parsed, Error> {
        let token = self.token();
        if token.kind == Kind::Not {
            self.at += 1;
            let (inner, qualifiers) = self.nested(|parser| parser.operand(inherited))?;
            return Ok((Expression::Not(Box::new(inner)), qualifiers));
        }
        if self.begins_relation() {
            return self.relation();
        }
        if self.is_sign("(") {
            return self.group(inherited);
        }
        if let Some(parsed) = self.keyword()? {
            return Ok(parsed);
        }
        match inherited {
            Some(qualifiers) if !matches!(token.kind, Kind::Sign | Kind::End | Kind::And | Kind::Or) => {
                Ok((self.value(qualifiers)?, inherited))
            }
            _ => Err(self.unexpected("a question such as tcp, host 10.0.0.1, port 502 or vlan 20")),
        }
    }

    fn group(&mut self, inherited: Option<Qualifiers>) -> Result<Parsed, Error> {
        self.expect_sign("(")?;
        let parsed = self.nested(|parser| parser.chain(inherited))?;
        if !self.is_sign(")") {
            return Err(self.unexpected("and, or, or )"));
        }
        self.at += 1;
        Ok(parsed)
    }

    /// Whether numbers are compared here: `len`, a minus, a layer with an offset, or a number or parenthesis that an
    /// operator follows.
    fn begins_relation(&self) -> bool {
        let token = self.token();
        let operator_at = |at: usize| {
            let token = self.tokens.get(at);
            token.is_some_and(|token| token.kind == Kind::Sign && arithmetic::continues(token.text))
        };
        match token.kind {
            Kind::Number(_) => operator_at(self.at + 1),
            Kind::Sign if token.text == "(" => {
                let close = self.closed_by.get(self.at).copied().flatten();
                close.is_some_and(|close| operator_at(close + 1))
            }
            Kind::Sign => token.text == "-",
            Kind::Word => {
                let is_offset = self.ahead(1).kind == Kind::Sign && self.ahead(1).text == "[";
                matches!(token.text, "len" | "length") || is_offset
            }
            _ => false,
        }
    }

    fn relation(&mut self) -> Result<Parsed, Error> {
        let column = self.token().column;
        let primitive = Primitive::Relation(self.compared()?);
        Ok((Expression::Primitive { column, primitive }, None))
    }
}

fn closed_by(tokens: &[Token<'_>]) -> Vec<Option<usize>> {
    let (mut closed_by, mut open) = (vec![None; tokens.len()], vec![]);
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Sign) {
        match token.text {
            "(" => open.push(at),
            ")" => {
                if let Some(closed) = open.pop().and_then(|opened: usize| closed_by.get_mut(opened)) {
                    *closed = Some(at);
                }
            }
            _ => {}
        }
    }
    closed_by
}
