//! Messages: header, questions and records, as far as they can be read. RFC 1035, 4.1.

use super::record;
use std::net::IpAddr;
use wire::{Reader, Result};

/// Questions of a message; with more it is taken for something else that uses the port, and not read further.
const QUESTIONS_MAX: u16 = 25;

/// Bytes of a name with its dots; RFC 1035, 2.3.4 allows 255. What is longer is cut at a label.
const NAME_MAX: usize = 512;

/// Labels and pointers of a name; it is cut at this one.
const STEPS_MAX: usize = 256;

/// Bytes of a name above which Zeek reports it.
const NAME_LONG: usize = 255;

/// RFC 1035, 4.1.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) id: u16,
    pub(super) reply: bool,
    pub(super) opcode: u8,
    pub(super) aa: bool,
    pub(super) tc: bool,
    pub(super) rd: bool,
    pub(super) ra: bool,
    /// Three bits: reserved, and of RFC 4035, 3.2 and 3.1.6, authentic data and checking disabled.
    pub(super) z: u8,
    pub(super) rcode: u8,
    questions: u16,
    answers: u16,
    authorities: u16,
    additional: u16,
}

/// RFC 1035, 4.1.2.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// In lower case, labels joined with dots.
    pub(super) name: Vec<u8>,
    pub(super) kind: u16,
    pub(super) class: u16,
}

/// Where in the message a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Answer,
    Authority,
    Additional,
}

/// RFC 1035, 4.1.3.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    pub(super) section: Section,
    /// In lower case, labels joined with dots.
    pub(super) name: Vec<u8>,
    pub(super) kind: u16,
    pub(super) ttl: u32,
    pub(super) data: &'a [u8],
    /// The address that an A, AAAA or A6 record holds.
    pub(super) address: Option<IpAddr>,
    /// The record in words; only in the answer section, and not for every type.
    pub(super) text: Option<Vec<u8>>,
}

/// A broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Oddity {
    pub(super) name: &'static str,
    pub(super) detail: Option<u16>,
}

/// A message as far as it could be read.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) header: Header,
    pub(super) questions: Vec<Question>,
    pub(super) records: Vec<Record<'a>>,
    pub(super) oddities: Vec<Oddity>,
    /// Whether all questions and answers could be read.
    pub(super) whole: bool,
}

impl Header {
    /// Opcode of a standard query, RFC 1035, 4.1.1.
    pub(super) const QUERY: u8 = 0;

    fn read(r: &mut Reader<'_>) -> Result<Self> {
        let id = r.u16_be("identifier")?;
        let [high, low] = r.bytes("flags")?;
        Ok(Self {
            id,
            reply: high & 0x80 != 0,
            opcode: high >> 3 & 0x0f,
            aa: high & 0x04 != 0,
            tc: high & 0x02 != 0,
            rd: high & 0x01 != 0,
            ra: low & 0x80 != 0,
            z: low >> 4 & 0x07,
            rcode: low & 0x0f,
            questions: r.u16_be("question count")?,
            answers: r.u16_be("answer count")?,
            authorities: r.u16_be("authority count")?,
            additional: r.u16_be("additional count")?,
        })
    }

    /// Whether a reply turns the query down: it holds an error and no question, or a question and nothing else.
    pub(super) fn rejects(&self, question_read: bool) -> bool {
        let empty = self.answers == 0 && self.authorities == 0 && self.additional == 0;
        (self.rcode != 0 && self.questions == 0) || (question_read && empty)
    }
}

impl<'a> Message<'a> {
    /// Reads what can be read; nothing when there is not even a header.
    pub(super) fn read(bytes: &'a [u8], netbios: bool) -> Option<Self> {
        let mut r = Reader::new(bytes);
        let header = Header::read(&mut r).ok()?;
        let mut message =
            Self { header, questions: Vec::new(), records: Vec::new(), oddities: Vec::new(), whole: false };
        let mut body = Body { bytes, r, netbios, oddities: Vec::new() };
        if header.questions > QUESTIONS_MAX {
            body.odd("DNS_Conn_count_too_large");
        } else {
            message.whole = message.read_body(&mut body).is_some();
        }
        message.oddities = body.oddities;
        Some(message)
    }

    fn read_body(&mut self, body: &mut Body<'a>) -> Option<()> {
        for _ in 0..self.header.questions {
            let question = body.question()?;
            self.questions.push(question);
        }
        self.read_section(body, Section::Answer, self.header.answers)?;
        // The rest is read for the names that it tells; Zeek does not look, so its faults are not reported.
        let reported = body.oddities.len();
        let _ = self
            .read_section(body, Section::Authority, self.header.authorities)
            .and_then(|()| self.read_section(body, Section::Additional, self.header.additional));
        body.oddities.truncate(reported);
        Some(())
    }

    fn read_section(&mut self, body: &mut Body<'a>, section: Section, count: u16) -> Option<()> {
        for _ in 0..count {
            let (record, go_on) = body.record(section)?;
            self.records.push(record);
            if !go_on {
                return None;
            }
        }
        Some(())
    }
}

/// The part behind the header, while it is read.
pub(super) struct Body<'a> {
    /// The whole message, for the pointers in names.
    bytes: &'a [u8],
    pub(super) r: Reader<'a>,
    pub(super) netbios: bool,
    oddities: Vec<Oddity>,
}

/// What follows a label.
enum Step {
    Label,
    Jump { to: usize, before: usize },
    End,
}

impl<'a> Body<'a> {
    pub(super) fn odd(&mut self, name: &'static str) {
        self.oddities.push(Oddity { name, detail: None });
    }

    pub(super) fn odd_about(&mut self, name: &'static str, detail: u16) {
        self.oddities.push(Oddity { name, detail: Some(detail) });
    }

    fn question(&mut self) -> Option<Question> {
        let name = self.name();
        let mut r = self.r;
        let (Ok(kind), Ok(class)) = (r.u16_be("type"), r.u16_be("class")) else {
            self.odd("DNS_truncated_quest_too_short");
            return None;
        };
        self.r = r;
        Some(Question { name, kind, class })
    }

    /// A record, and whether the next one can be found behind it.
    fn record(&mut self, section: Section) -> Option<(Record<'a>, bool)> {
        let name = self.name();
        let Ok((kind, ttl, length)) = self.record_head() else {
            self.odd("DNS_truncated_ans_too_short");
            return None;
        };
        let mut behind = self.r;
        let Ok(data) = behind.take("data", length.into()) else {
            self.odd("DNS_truncated_RR_rdlength_lt_len");
            return None;
        };
        let mut record = Record { section, name, kind, ttl, data, address: None, text: None };
        if length == 0 && !behind.is_empty() {
            self.odd("DNS_zero_rdlength");
            return Some((record, false));
        }
        let go_on = record::read(self, &mut record).is_some();
        self.r = behind;
        Some((record, go_on))
    }

    fn record_head(&mut self) -> Result<(u16, u32, u16)> {
        let kind = self.r.u16_be("type")?;
        self.r.u16_be("class")?;
        Ok((kind, self.r.u32_be("time to live")?, self.r.u16_be("data length")?))
    }

    /// Reads a name, RFC 1035, 3.1 and 4.1.4; damage cuts it short and is reported, never fatal.
    pub(super) fn name(&mut self) -> Vec<u8> {
        let mut name = Vec::new();
        let mut here = self.r;
        let mut jumped = false;
        for _ in 0..STEPS_MAX {
            let step = self.label(&mut here, &mut name);
            if !jumped {
                self.r = here;
            }
            let Step::Jump { to, before } = step else {
                if matches!(step, Step::End) {
                    break;
                }
                continue;
            };
            jumped = true;
            here = Reader::new(self.bytes.get(..before).unwrap_or_default());
            // A pointer leads backwards, so that there is something to skip.
            let _ = here.take("name", to);
        }
        if name.len() >= NAME_LONG {
            self.odd("DNS_NAME_too_long");
        }
        if name.len() > 1 {
            name.pop_if(|last| *last == b'.');
        }
        name.make_ascii_lowercase();
        name
    }

    fn label(&mut self, r: &mut Reader<'a>, name: &mut Vec<u8>) -> Step {
        let start = r.offset();
        let length = r.u8("label length").unwrap_or(0);
        if length == 0 || r.is_empty() {
            return Step::End;
        }
        if length >= 0xc0 {
            let to = usize::from(length & 0x3f) << 8 | usize::from(r.u8("pointer").unwrap_or(0));
            if to < start {
                return Step::Jump { to, before: start };
            }
            self.odd("DNS_label_forward_compress_offset");
            return Step::End;
        }
        match self.label_fault(r, length.into(), name.len()) {
            Some(fault) => {
                self.odd(fault);
                Step::End
            }
            None => {
                name.extend_from_slice(r.take("label", length.into()).unwrap_or_default());
                name.push(b'.');
                Step::Label
            }
        }
    }

    /// What forbids a label of `length` bytes behind `before` bytes of name.
    fn label_fault(&self, r: &mut Reader<'a>, length: usize, before: usize) -> Option<&'static str> {
        if length > r.rest().len() {
            r.take_rest();
            return Some("DNS_label_len_gt_pkt");
        }
        // NetBIOS names can have longer labels.
        if length > 63 && !self.netbios {
            return Some("DNS_label_too_long");
        }
        (length + before >= NAME_MAX).then_some("DNS_label_len_gt_name_len")
    }
}
