//! What every Windows event becomes, whatever brought it.

mod channel;
mod derive;
mod entities;
mod source;

pub use channel::windows_log;

use crate::fields::FieldList;
use crate::moment::moment;
use channel::Channel;
use model::{Event, Origin, Time, Value};

/// A Windows event taken apart.
#[derive(Default)]
pub(crate) struct Parts {
    /// Fields of `System`, named as Sigma rules name them.
    pub(crate) system: FieldList,
    /// Fields of `EventData` or `UserData`, or of a flat source all that it has.
    pub(crate) data: FieldList,
    /// The text that Windows made of the event, where the source brought it along.
    pub(crate) message: Option<Box<str>>,
}

/// Fields that say which event it is. Data of these names steps aside and is called `EventData_…`: what a
/// program puts into its own event must not make it look like another.
const IDENTITY: &[&str] = &["EventID", "Channel", "Provider_Name", "Computer", "EventRecordID"];

/// What the event is, as far as tables are concerned.
pub(crate) struct What {
    /// The service that Sigma rules know the channel by; empty for other channels.
    pub(crate) service: &'static str,
    /// Its number, together with the provider the kind of event.
    pub(crate) id: i64,
}

impl Parts {
    pub(crate) fn record_id(&self) -> Option<u64> {
        self.system.int("EventRecordID").and_then(|id| u64::try_from(id).ok())
    }

    /// Puts the event together; `time` is when the source says it was, should `TimeCreated` not tell.
    pub(crate) fn event(self, time: Option<Time>, origin: Origin) -> Event {
        let mut fields = self.merged();
        if let (Some(id), Some(value)) = (fields.int("EventID"), fields.value_mut("EventID")) {
            *value = Value::Int(id);
        }
        let channel = channel::known(fields.text("Channel").unwrap_or_default());
        let what = What {
            service: channel.map_or("", |c| c.service),
            id: fields.int("EventID").unwrap_or_default(),
        };
        derive::derive(&what, &mut fields);
        let created = fields.text("TimeCreated_SystemTime").and_then(moment);
        let time = created.or(time).unwrap_or_default();
        Event {
            time,
            arrived: time,
            origin,
            log: log(channel, &fields),
            sources: source::sources(&what, &fields),
            entities: entities::entities(&what, &fields),
            fields: fields.into_inner(),
        }
    }

    /// One list; data wins over `System` where both have a name, save for [`IDENTITY`].
    fn merged(self) -> FieldList {
        let Parts { mut system, mut data, message } = self;
        for name in IDENTITY {
            if system.value(name).is_some() {
                data.rename(name, &format!("EventData_{name}"));
            }
        }
        system.yield_to(&data);
        system.extend(data);
        if let Some(message) = message {
            system.put_new("Message", Value::Text(message));
        }
        system
    }
}

fn log(channel: Option<&Channel>, fields: &FieldList) -> Box<str> {
    match channel {
        Some(known) => format!("windows_{}", known.log).into(),
        // What a trace session (ETW) wrote has no channel.
        None => {
            windows_log(fields.text("Channel").or(fields.text("Provider_Name")).unwrap_or_default()).into()
        }
    }
}
