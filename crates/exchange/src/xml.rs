//! Windows events as XML (the schema of `EvtRender`,
//! `http://schemas.microsoft.com/win/2004/08/events/event`).

mod split;

use crate::damage::{Damage, Fault, Place};
use crate::fields::{FieldList, joined};
use crate::utf8::text;
use crate::windows::Parts;
use model::{Event, Origin, Value};
use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event as Token};
use std::io::Read;

pub(crate) fn read(input: impl Read, file: u32, take: &mut dyn FnMut(Result<Event, Damage>)) {
    let mut count = 0;
    split::split(input, &mut |found| {
        count += 1;
        take(found.and_then(|(offset, bytes)| one(&text(bytes), offset, count, file)));
    });
}

fn one(text: &str, offset: u64, count: u64, file: u32) -> Result<Event, Damage> {
    let parts = parse(text).map_err(|fault| fault.at(Place::Offset(offset)))?;
    let number = parts.record_id().unwrap_or(count);
    Ok(parts.event(None, Origin { file, number }))
}

/// Takes one `<Event>` apart.
///
/// # Errors
/// When it is not well-formed. What well-formed XML holds beyond the schema is left out or kept under its
/// name.
pub(crate) fn parse(text: &str) -> Result<Parts, Fault> {
    let mut reader = Reader::from_str(text);
    let mut walk = Walk::default();
    loop {
        match reader.read_event()? {
            Token::Start(tag) => walk.open(&tag),
            Token::Empty(tag) => {
                walk.open(&tag);
                walk.close();
            }
            Token::End(_) => walk.close(),
            Token::Text(text) => walk.text(&text),
            Token::CData(text) => walk.text(&text),
            Token::GeneralRef(name) => walk.reference(&name),
            Token::Comment(_) | Token::Decl(_) | Token::PI(_) | Token::DocType(_) => {}
            Token::Eof => break,
        }
    }
    if walk.levels.is_empty() { Ok(walk.parts) } else { Err(Fault::CutShort) }
}

#[derive(Default)]
struct Walk {
    parts: Parts,
    levels: Vec<Level>,
    section: Section,
    /// Characters since the last start tag.
    text: String,
}

/// An element that is open.
struct Level {
    /// Name of the field that it becomes.
    field: Box<str>,
    /// Whether no element has been seen in it: only then its text is a value.
    leaf: bool,
}

/// The child of `<Event>` that is being read.
#[derive(Clone, Copy, Default, PartialEq)]
enum Section {
    System,
    /// `EventData`, `UserData` and what else providers put there.
    Data,
    /// Texts that Windows made of the event in the reader's language.
    Rendering,
    #[default]
    Other,
}

impl Walk {
    fn open(&mut self, tag: &BytesStart<'_>) {
        let local = tag.local_name();
        let name = local.as_ref();
        self.text.clear();
        match self.levels.len() {
            0 => {}
            1 => self.section = section(name),
            _ => self.attributes(name, tag),
        }
        if let Some(parent) = self.levels.last_mut() {
            parent.leaf = false;
        }
        let own = (self.section == Section::Data && name == "Data").then(|| attribute(tag, "Name")).flatten();
        let field = own.unwrap_or_else(|| name.into());
        self.levels.push(Level { field, leaf: true });
    }

    fn close(&mut self) {
        let Some(level) = self.levels.pop() else { return };
        if !level.leaf || self.levels.len() < 2 {
            return;
        }
        match self.section {
            Section::System if self.text.is_empty() => {}
            Section::System => self.parts.system.put(&level.field, number_or_text(&level.field, &self.text)),
            Section::Data => self.parts.data.put(&level.field, Value::Text(self.text.as_str().into())),
            Section::Rendering if &*level.field == "Message" => {
                self.parts.message = Some(self.text.as_str().into())
            }
            Section::Rendering | Section::Other => {}
        }
        self.text.clear();
    }

    fn text(&mut self, text: &str) {
        if self.levels.len() > 2 {
            self.text.push_str(text);
        }
    }

    /// `&lt;`, `&#13;`; what means nothing stays as it is.
    fn reference(&mut self, name: &BytesRef<'_>) {
        if let Ok(Some(c)) = name.resolve_char_ref() {
            self.text.push(c);
        } else if let Some(known) = resolve_predefined_entity(name) {
            self.text.push_str(known);
        } else {
            self.text.push('&');
            self.text.push_str(name);
            self.text.push(';');
        }
    }

    /// Attributes become fields called after element and attribute: `Provider_Name`, `Execution_ProcessID`.
    fn attributes(&mut self, element: &str, tag: &BytesStart<'_>) {
        let list: &mut FieldList = match self.section {
            Section::System => &mut self.parts.system,
            Section::Data if element != "Data" && self.levels.len() > 2 => &mut self.parts.data,
            Section::Data | Section::Rendering | Section::Other => return,
        };
        for attribute in tag.attributes().with_checks(false).flatten() {
            let key = attribute.key.into_inner();
            if !key.starts_with("xmlns") {
                let name = joined(element, '_', key);
                let value = unescape(&attribute.value).unwrap_or_else(|_| attribute.value.as_ref().into());
                list.put(&name, number_or_text(&name, &value));
            }
        }
    }
}

fn section(name: &str) -> Section {
    match name {
        "System" => Section::System,
        "EventData" | "UserData" | "DebugData" | "BinaryEventData" | "ProcessingErrorData" => Section::Data,
        "RenderingInfo" => Section::Rendering,
        _ => Section::Other,
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<Box<str>> {
    let found = tag.attributes().with_checks(false).flatten().find(|a| a.key.into_inner() == name)?;
    Some(unescape(&found.value).map_or_else(|_| found.value.as_ref().into(), |value| value.as_ref().into()))
}

/// Fields of `System` that the schema types as whole numbers.
const NUMBERS: &[&str] = &[
    "EventID",
    "EventID_Qualifiers",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "EventRecordID",
    "Execution_ProcessID",
    "Execution_ThreadID",
];

fn number_or_text(name: &str, text: &str) -> Value {
    let number = NUMBERS.contains(&name).then(|| text.trim().parse().ok()).flatten();
    number.map_or_else(|| Value::Text(text.into()), Value::Int)
}
