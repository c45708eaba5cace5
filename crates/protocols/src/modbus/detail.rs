//! Detailed rows: a request and its response in one.

use super::adu::{Body, Head};
use super::open::Open;
use super::rows::Detailed;
use super::{deed, names};
use crate::{Out, Stamp, umas};
use model::{Action, Conversation, Ot, Outcome, Word};
use std::fmt::Write;

/// Buffers from which rows borrow, so that none is allocated per PDU.
#[derive(Default)]
pub(super) struct Desk {
    /// Values of the request.
    pub(super) requested: Vec<u64>,
    /// Values of the response.
    pub(super) answered: Vec<u64>,
    /// Name that links rows of several logs.
    pub(super) link: String,
    /// Bits that fill the last byte of a response, with commas between them.
    padding: Vec<u8>,
    object: String,
    value: String,
}

/// What came of a request.
pub(super) enum Answer<'a> {
    /// A response.
    Body(&'a Body<'a>),
    /// Nothing that could be joined.
    None(Outcome),
}

/// What a response says about the request. AP 7: exception 5 acknowledges a command that takes longer.
#[inline]
pub(super) fn outcome(body: &Body<'_>) -> Outcome {
    match body {
        Body::Exception { code: 5 } => Outcome::Accepted,
        Body::Exception { .. } => Outcome::Rejected,
        _ => Outcome::Accepted,
    }
}

/// AP 4.3: registers of two bytes, most significant first. An odd last byte is dropped.
#[inline]
pub(super) fn words(data: &[u8], out: &mut Vec<u64>) {
    out.clear();
    out.extend(data.as_chunks().0.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))));
}

/// AP 6.1: bits packed eight to a byte, the lowest first.
#[inline]
fn bits(data: &[u8], out: &mut Vec<u64>) {
    out.clear();
    for byte in data {
        out.extend((0..8).map(|place| u64::from(byte >> place & 1)));
    }
}

impl Desk {
    /// Spells the name that joins rows of different logs; the same number gives the same name.
    pub(super) fn link(&mut self, number: u32, conversation: &Conversation) -> &str {
        self.link.clear();
        if number > 0 {
            // Writing to a string cannot fail.
            let _ = write!(self.link, "{}-{number}", conversation.uid);
        }
        &self.link
    }

    /// A request with its response, at the request's time.
    #[inline]
    pub(super) fn joined(&mut self, open: &Open, answer: &Answer<'_>, out: &mut Out<'_>) {
        self.clear();
        self.take_request(open);
        let mut row = Row::of(open.head);
        row.ask(open);
        let outcome = match *answer {
            Answer::Body(body) => {
                row.matched = Some(true);
                row.answer(body);
                self.take_answer(open.head.function, body, Some(open.quantity));
                outcome(body)
            }
            Answer::None(outcome) => outcome,
        };
        if names::is_linked(open.head.function) {
            self.link(open.link, out.conversation);
        }
        let act = deed::action(open.head.function, open.quantity);
        let act = act.inspect(|act| self.describe(*act, open.head.function, open, &row));
        self.write(open.when, &row, act.map(|act| (act, outcome)), out);
    }

    /// A response of a joined function whose request was not seen, or an exception.
    pub(super) fn unasked(&mut self, head: Head, body: &Body<'_>, out: &mut Out<'_>) {
        self.clear();
        self.take_answer(head.function, body, None);
        let mut row = Row::of(head);
        row.matched = (head.function < 0x80).then_some(false);
        row.answer(body);
        row.answered_only(body, self.answered.len());
        let act = deed::action(head.plain(), row.subfunction.or(row.mei).unwrap_or(0));
        if let (Some(address), Some(quantity)) = (row.address, row.quantity) {
            deed::object(head.function, address, quantity, &mut self.object);
        }
        self.write(out.now, &row, act.map(|act| (act, outcome(body))), out);
    }

    /// A PDU of a function that is not joined.
    pub(super) fn alone(&mut self, head: Head, body: &Body<'_>, outcome: Outcome, out: &mut Out<'_>) {
        self.clear();
        let mut row = Row::of(head);
        row.answer(body);
        let act = if head.plain() == umas::FUNCTION { None } else { deed::action(head.plain(), 0) };
        self.write(out.now, &row, act.map(|act| (act, outcome)), out);
    }

    /// Memory of the buffers that can be large.
    #[inline]
    pub(super) fn held(&self) -> usize {
        (self.requested.capacity() + self.answered.capacity()) * 8 + self.value.capacity()
    }

    #[inline]
    fn clear(&mut self) {
        self.requested.clear();
        self.answered.clear();
        self.padding.clear();
        self.link.clear();
        self.object.clear();
        self.value.clear();
    }

    #[inline]
    fn take_request(&mut self, open: &Open) {
        match open.head.function {
            5 => self.requested.push(u64::from(open.value != 0)),
            6 => self.requested.push(open.value.into()),
            15 => {
                bits(&open.data, &mut self.requested);
                self.requested.truncate(open.quantity.into());
            }
            16 => words(&open.data, &mut self.requested),
            _ => {}
        }
    }

    /// Values of a response; bits beyond the `quantity` that was asked for are padding.
    #[inline]
    fn take_answer(&mut self, function: u8, body: &Body<'_>, quantity: Option<u16>) {
        match *body {
            Body::Bits { data } => {
                bits(data, &mut self.answered);
                if let Some(quantity) = quantity {
                    self.cut_padding(quantity.into());
                }
            }
            Body::Registers { data } => words(data, &mut self.answered),
            Body::Single { value, .. } if function == 5 => self.answered.push(u64::from(value != 0)),
            Body::Single { value, .. } => self.answered.push(value.into()),
            _ => {}
        }
    }

    #[inline]
    fn cut_padding(&mut self, quantity: usize) {
        for bit in self.answered.iter().skip(quantity) {
            if !self.padding.is_empty() {
                self.padding.push(b',');
            }
            self.padding.push(if *bit == 0 { b'0' } else { b'1' });
        }
        self.answered.truncate(quantity);
    }

    /// Spells what a request changes, and to which value.
    fn describe(&mut self, act: Action, function: u8, open: &Open, row: &Row<'_>) {
        match act {
            Action::Read => {}
            Action::Restart | Action::ModeChange | Action::Diagnostic => {
                self.object.extend(row.asked_subfunction.map(names::diagnostic));
            }
            _ => deed::object(function, open.address, open.quantity, &mut self.object),
        }
        if act == Action::Write {
            if function == names::READ_WRITE {
                words(&open.data, &mut self.requested);
            }
            deed::value(open, &self.requested, &mut self.value);
        }
    }

    fn write(&self, when: Stamp, row: &Row<'_>, act: Option<(Action, Outcome)>, out: &mut Out<'_>) {
        let function = row.head.function;
        let hidden = function == names::READ_WRITE;
        let record = Detailed {
            tid: row.head.transaction,
            unit: row.head.unit,
            function: Word(names::function(function)),
            address: row.address,
            quantity: row.quantity,
            request_values: (!hidden && !self.requested.is_empty()).then_some(&self.requested),
            response_values: (!hidden && !self.answered.is_empty()).then_some(&self.answered),
            link: (!self.link.is_empty()).then_some(&self.link),
            matched: row.matched,
            request_subfunction_code: row.asked_subfunction.map(names::diagnostic),
            response_subfunction_code: row.subfunction.map(names::diagnostic),
            request_data: row.request_data,
            response_data: row.response_data.or((!self.padding.is_empty()).then_some(&self.padding)),
            exception_code: row.exception.map(|code| Word(names::exception(code))),
            mei_type: row.mei.map(names::mei),
        };
        let ot = act.map(|(action, outcome)| Ot {
            protocol: "modbus",
            action,
            outcome,
            object: if self.object.is_empty() { deed::table(row.head.plain()) } else { &self.object },
            value: (!self.value.is_empty()).then_some(&self.value),
            old_value: None,
        });
        out.put(when, &record, ot);
    }
}

/// The parts of a row that are no lists.
struct Row<'a> {
    head: Head,
    address: Option<u16>,
    quantity: Option<u16>,
    matched: Option<bool>,
    asked_subfunction: Option<u16>,
    subfunction: Option<u16>,
    mei: Option<u16>,
    request_data: Option<&'a [u8]>,
    response_data: Option<&'a [u8]>,
    exception: Option<u8>,
}

impl<'a> Row<'a> {
    #[inline]
    fn of(head: Head) -> Self {
        Self {
            head,
            address: None,
            quantity: None,
            matched: None,
            asked_subfunction: None,
            subfunction: None,
            mei: None,
            request_data: None,
            response_data: None,
            exception: None,
        }
    }

    /// What the request tells. The columns are ICSNPP's choice: files have no address, masks no quantity.
    #[inline]
    fn ask(&mut self, open: &'a Open) {
        self.matched = Some(false);
        match open.head.function {
            1..=6 | 15 | 16 => (self.address, self.quantity) = (Some(open.address), Some(open.quantity)),
            8 => {
                self.asked_subfunction = Some(open.quantity);
                self.request_data = Some(&open.data);
            }
            20 | 21 => self.quantity = Some(open.quantity),
            22 | 24 => self.address = Some(open.address),
            43 => self.mei = Some(open.quantity),
            _ => {}
        }
    }

    /// What the response adds.
    #[inline]
    fn answer(&mut self, body: &Body<'a>) {
        match *body {
            Body::Exception { code } => self.exception = Some(code),
            Body::Diagnostic { subfunction, data } => {
                self.subfunction = Some(subfunction);
                self.response_data = Some(data);
            }
            Body::Records { data, .. } => self.response_data = (!data.is_empty()).then_some(data),
            Body::Registers { data } if self.head.function == 24 => {
                self.quantity = u16::try_from(data.len() / 2).ok();
            }
            _ => {}
        }
    }

    /// What a response tells by itself.
    fn answered_only(&mut self, body: &Body<'_>, values: usize) {
        match *body {
            Body::Bits { .. } | Body::Registers { .. } if self.head.function != names::READ_WRITE => {
                self.quantity = u16::try_from(values).ok();
            }
            Body::Single { address, .. } => (self.address, self.quantity) = (Some(address), Some(1)),
            Body::Span { address, quantity } => {
                (self.address, self.quantity) = (Some(address), Some(quantity));
            }
            Body::Mask { address, .. } => self.address = Some(address),
            Body::Encapsulated { mei, .. } => self.mei = Some(mei.into()),
            _ => {}
        }
    }
}
