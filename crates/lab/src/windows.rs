//! Windows events as an event log exports them: the events themselves, and two ways to write them.

pub(crate) mod background;
pub(crate) mod security;
pub(crate) mod sysmon;

use model::Time;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// A channel of a Windows event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// What the audit policy records.
    Security,
    /// What Sysmon records.
    Sysmon,
}

/// How a channel is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `<Events>` with one `<Event>` for each, in the schema of Windows.
    Xml,
    /// One JSON object in a line, fields named as NXLog names them.
    Json,
}

/// What kind of event it is; the fixed part of `<System>`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) channel: Channel,
    pub(crate) id: u16,
    pub(crate) version: u8,
    pub(crate) task: u16,
    pub(crate) category: &'static str,
}

/// One event before it is numbered.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    /// When it happened, by the site's clock; the computer's own may be off.
    pub(crate) at: Time,
    /// Thread that wrote it.
    pub(crate) thread: u16,
    pub(crate) data: Vec<(&'static str, String)>,
}

/// The log of one channel of one computer; events may be added in any order of time.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) channel: Channel,
    pub(crate) form: Form,
    /// Full name of the computer.
    pub(crate) computer: String,
    /// Number of the first event.
    pub(crate) first: u64,
    /// Process that writes: lsass.exe or Sysmon.
    pub(crate) process: u16,
    pub(crate) events: Vec<Event>,
}

/// Names an event before its record number is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventId(usize);

impl Log {
    /// Adds an event.
    pub(crate) fn add(&mut self, event: Event) -> EventId {
        self.events.push(event);
        EventId(self.events.len().saturating_sub(1))
    }

    /// The events in order of time, with their record numbers; the numbers of the ids come second.
    pub(crate) fn numbered(&self) -> (Vec<(u64, &Event)>, Vec<u64>) {
        let mut order: Vec<(usize, &Event)> = self.events.iter().enumerate().collect();
        order.sort_by_key(|(id, event)| (event.at, *id));
        let mut numbers = vec![0; order.len()];
        for (number, (id, _)) in (self.first..).zip(&order) {
            if let Some(place) = numbers.get_mut(*id) {
                *place = number;
            }
        }
        ((self.first..).zip(order).map(|(number, (_, event))| (number, event)).collect(), numbers)
    }

    /// Record number of an event, from what [`Log::numbered`] gave.
    pub(crate) fn number(numbers: &[u64], id: EventId) -> u64 {
        numbers.get(id.0).copied().unwrap_or_default()
    }

    /// The whole file; clocks run `skew` ahead of the site's.
    pub(crate) fn file(&self, skew: model::Span) -> Vec<u8> {
        let (events, _) = self.numbered();
        let mut out = String::new();
        if self.form == Form::Xml {
            out.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Events>\n");
        }
        for (number, event) in events {
            self.line(number, event, skew, &mut out);
        }
        if self.form == Form::Xml {
            out.push_str("</Events>\n");
        }
        out.into_bytes()
    }

    /// Appends one event and the end of its line.
    pub(crate) fn line(&self, number: u64, event: &Event, skew: model::Span, out: &mut String) {
        match self.form {
            Form::Xml => self.xml(number, event, event.at + skew, out),
            Form::Json => out.push_str(&self.json(number, event, event.at + skew).to_string()),
        }
        out.push('\n');
    }

    fn xml(&self, number: u64, event: &Event, logged: Time, out: &mut String) {
        let (kind, channel) = (event.kind, self.channel);
        let (iso, ns) = (logged.iso(), logged.s_ns().1);
        let second = iso.get(..19).unwrap_or_default();
        let user = if channel == Channel::Sysmon { "<Security UserID=\"S-1-5-18\"/>" } else { "<Security/>" };
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System>\
             <Provider Name=\"{}\" Guid=\"{}\"/><EventID>{}</EventID><Version>{}</Version><Level>{}</Level>\
             <Task>{}</Task><Opcode>0</Opcode><Keywords>{:#x}</Keywords>\
             <TimeCreated SystemTime=\"{second}.{:07}Z\"/><EventRecordID>{number}</EventRecordID><Correlation/>\
             <Execution ProcessID=\"{}\" ThreadID=\"{}\"/><Channel>{}</Channel><Computer>{}</Computer>{user}\
             </System><EventData>",
            channel.provider(),
            channel.guid(),
            kind.id,
            kind.version,
            channel.level(),
            kind.task,
            kind.keywords(),
            ns / 100,
            self.process,
            event.thread,
            channel.name(),
            self.computer,
        );
        for (name, value) in &event.data {
            let _ = write!(out, "<Data Name=\"{name}\">{}</Data>", escape(&event.value(value, logged)));
        }
        out.push_str("</EventData></Event>");
    }

    fn json(&self, number: u64, event: &Event, logged: Time) -> Value {
        let (kind, channel) = (event.kind, self.channel);
        let iso = logged.iso();
        let second = iso.get(..19).unwrap_or_default();
        let local = second.replace('T', " ");
        let fixed = json!({
            "EventTime": local,
            "Hostname": self.computer,
            "Keywords": kind.keywords().cast_signed(),
            "EventType": if channel == Channel::Sysmon { "INFO" } else { kind.audit() },
            "SeverityValue": 2,
            "Severity": "INFO",
            "EventID": kind.id,
            "SourceName": channel.provider(),
            "ProviderGuid": channel.guid().to_uppercase(),
            "Version": kind.version,
            "Task": kind.task,
            "OpcodeValue": 0,
            "RecordNumber": number,
            "ExecutionProcessID": self.process,
            "ThreadID": event.thread,
            "Channel": channel.name(),
            "Category": kind.category,
            "Opcode": "Info",
        });
        let mut line: Map<String, Value> = fixed.as_object().cloned().unwrap_or_default();
        for (name, value) in &event.data {
            line.insert((*name).to_owned(), event.value(value, logged).into());
        }
        line.insert("EventReceivedTime".to_owned(), local.into());
        line.insert("SourceModuleName".to_owned(), "eventlog".into());
        line.insert("SourceModuleType".to_owned(), "im_msvistalog".into());
        line.insert("@timestamp".to_owned(), format!("{}Z", iso.get(..23).unwrap_or_default()).into());
        Value::Object(line)
    }
}

impl Kind {
    /// Bits of the audit result, or the reserved bit that all of Sysmon's events have.
    fn keywords(self) -> u64 {
        match (self.channel, self.id) {
            (Channel::Sysmon, _) => 0x8000_0000_0000_0000,
            (Channel::Security, 4625) => 0x8010_0000_0000_0000,
            (Channel::Security, _) => 0x8020_0000_0000_0000,
        }
    }

    fn audit(self) -> &'static str {
        if self.id == 4625 { "AUDIT_FAILURE" } else { "AUDIT_SUCCESS" }
    }
}

impl Event {
    /// A value as it is written: Sysmon's own times stand for the moment, which only the log's clock can
    /// tell.
    fn value(&self, value: &str, logged: Time) -> String {
        if value != UTC_TIME {
            return value.to_owned();
        }
        // Sysmon takes its time a little before the event is written.
        let iso = (logged - model::Span(3_000_000)).iso();
        iso.get(..23).unwrap_or_default().replace('T', " ")
    }
}

/// Stands in [`Event::data`] for the time that the computer's clock shows.
pub(crate) const UTC_TIME: &str = "\u{0}utc";

impl Channel {
    /// Name of the channel.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Security => "Security",
            Channel::Sysmon => "Microsoft-Windows-Sysmon/Operational",
        }
    }

    /// Word in file names and scripts.
    pub fn word(self) -> &'static str {
        match self {
            Channel::Security => "security",
            Channel::Sysmon => "sysmon",
        }
    }

    fn provider(self) -> &'static str {
        match self {
            Channel::Security => "Microsoft-Windows-Security-Auditing",
            Channel::Sysmon => "Microsoft-Windows-Sysmon",
        }
    }

    fn guid(self) -> &'static str {
        match self {
            Channel::Security => "{54849625-5478-4994-a5ba-3e3b0328c30d}",
            Channel::Sysmon => "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}",
        }
    }

    fn level(self) -> u8 {
        match self {
            Channel::Security => 0,
            Channel::Sysmon => 4,
        }
    }
}

impl Form {
    /// Ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Form::Xml => "xml",
            Form::Json => "json",
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
