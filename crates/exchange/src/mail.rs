//! Mail messages (RFC 5322, MIME).

mod links;
mod nested;

use crate::damage::{Damage, Fault, Place};
use crate::fields::FieldList;
use mail_parser::{Address, DateTime, HeaderName, Message, MessageParser, MimeHeaders};
use model::{Entity, EntityKind, Event, LogSource, Origin, Role, Time, Value};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Length of a mail; a longer one is reported and left out.
const MAIL_MAX: usize = 64 * 1024 * 1024;
/// Attachments and recipients that are named; further ones are left out.
const NAMED_MAX: usize = 256;
/// Messages within messages that are looked into.
const NESTED_MAX: usize = 8;

pub(crate) fn read(input: impl Read, file: u32, take: &mut dyn FnMut(Result<Event, Damage>)) {
    take(one(input, file).map_err(|fault| fault.at(Place::File)));
}

fn one(input: impl Read, file: u32) -> Result<Event, Fault> {
    let mut bytes = vec![];
    let max = u64::try_from(MAIL_MAX).unwrap_or(u64::MAX);
    input.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > MAIL_MAX {
        return Err(Fault::TooLong { max: MAIL_MAX });
    }
    let bytes = nested::disarm(&bytes);
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let message = MessageParser::default().parse(&*bytes)?;
        let mut event = event(&message, Origin { file, number: 1 });
        nested::restore(&mut event);
        (!event.fields.is_empty()).then_some(event)
    }));
    parsed.map_err(|_| Fault::Panic)?.ok_or(Fault::NoMail)
}

fn event(message: &Message<'_>, origin: Origin) -> Event {
    let time = time(message).unwrap_or_default();
    let files = attachments(message);
    let mut fields = headers(message);
    if !files.is_empty() {
        fields.put("attachments", list(files.iter().map(|file| file.name.as_str())));
        let sizes = files.iter().map(|file| Value::Int(i64::try_from(file.size).unwrap_or(i64::MAX)));
        fields.put("attachment_sizes", Value::List(sizes.collect()));
    }
    let urls = links::links(message);
    if !urls.is_empty() {
        fields.put("urls", list(urls.iter().map(String::as_str)));
    }
    Event {
        time,
        arrived: time,
        origin,
        log: "mail".into(),
        sources: vec![LogSource { product: Some("tieline"), category: Some("mail"), service: None }],
        entities: entities(message, &files),
        fields: fields.into_inner(),
    }
}

/// The sender's date; of a mail without one, when the first relay took it (the lowest `Received`, RFC 5321,
/// 4.4).
fn time(message: &Message<'_>) -> Option<Time> {
    let date = message.date().and_then(moment);
    date.or_else(|| message.received_all().filter_map(|r| moment(&r.date()?)).last())
}

fn moment(date: &DateTime) -> Option<Time> {
    date.is_valid().then(|| Time::from_s_ns(date.to_timestamp(), 0))
}

fn headers(message: &Message<'_>) -> FieldList {
    let mut fields = FieldList::default();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.put(name, value);
        }
    };
    let text = |value: Option<&str>| value.map(|text| Value::Text(text.into()));
    put("from", text(addresses(message.from()).first().map(String::as_str)));
    put("from_name", text(message.from().and_then(|from| from.first()?.name())));
    put("reply_to", some_list(addresses(message.reply_to())));
    put("to", some_list(addresses(message.to())));
    put("cc", some_list(addresses(message.cc())));
    put("bcc", some_list(addresses(message.bcc())));
    put("subject", text(message.subject()));
    put("date", text(raw(message, "Date").next()));
    put("message_id", text(message.message_id()));
    put("in_reply_to", text(message.in_reply_to().as_text()));
    put("return_path", text(return_path(message)));
    put("user_agent", text(raw(message, "User-Agent").chain(raw(message, "X-Mailer")).next()));
    put("received", some_list(raw(message, "Received").take(NAMED_MAX).map(one_line).collect()));
    for (method, result) in links::results(raw(message, "Authentication-Results").next()) {
        put(method, Some(Value::Text(result.into())));
    }
    fields
}

/// The header fields `name`, the topmost first, as they stand but for blanks around them.
fn raw<'m>(message: &'m Message<'_>, name: &'static str) -> impl Iterator<Item = &'m str> {
    message
        .headers_raw()
        .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// A folded field as one line (RFC 5322, 2.2.3).
fn one_line(field: &str) -> String {
    field.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn return_path<'m>(message: &'m Message<'_>) -> Option<&'m str> {
    let path = message.header(HeaderName::ReturnPath)?;
    path.as_text().or_else(|| path.as_address()?.first()?.address())
}

/// Bare addresses, lower case.
fn addresses(field: Option<&Address<'_>>) -> Vec<String> {
    let found = field.into_iter().flat_map(|field| field.iter().filter_map(|one| one.address()));
    found.take(NAMED_MAX).map(|address| address.trim().to_lowercase()).collect()
}

fn some_list(values: Vec<String>) -> Option<Value> {
    (!values.is_empty()).then(|| list(values.iter().map(String::as_str)))
}

fn list<'v>(values: impl Iterator<Item = &'v str>) -> Value {
    Value::List(values.map(|value| Value::Text(value.into())).collect())
}

/// A file that came with a mail.
struct Attached {
    /// Its name; empty when it has none.
    name: String,
    /// Its size in bytes, decoded.
    size: usize,
}

/// Attachments of the message and of messages attached to it.
fn attachments(message: &Message<'_>) -> Vec<Attached> {
    let mut files = vec![];
    collect(message, NESTED_MAX, &mut files);
    files.truncate(NAMED_MAX);
    files
}

fn collect(message: &Message<'_>, depth: usize, files: &mut Vec<Attached>) {
    for part in message.attachments().take(NAMED_MAX) {
        let inner = depth.checked_sub(1).and_then(|depth| Some((depth, nested::message_in(part)?)));
        let name = part.attachment_name().unwrap_or_default();
        if inner.is_none() || !name.is_empty() {
            files.push(Attached { name: name.to_owned(), size: part.len() });
        }
        if let Some((depth, bytes)) = inner
            && let Some(message) = MessageParser::default().parse(&*nested::disarm(&bytes))
        {
            collect(&message, depth, files);
        }
    }
}

fn entities(message: &Message<'_>, files: &[Attached]) -> Vec<Entity> {
    let mut list = vec![];
    let mut add = |role, kind, value: &str| {
        let entity = Entity::new(role, kind, value);
        if !value.is_empty() && !list.contains(&entity) && list.len() < NAMED_MAX {
            list.push(entity);
        }
    };
    for from in addresses(message.from()).iter().take(1) {
        add(Role::Source, EntityKind::User, from);
    }
    for field in [message.to(), message.cc(), message.bcc()] {
        addresses(field).iter().for_each(|to| add(Role::Target, EntityKind::User, to));
    }
    files.iter().for_each(|file| add(Role::Object, EntityKind::File, &file.name));
    add(Role::Object, EntityKind::Mail, message.message_id().unwrap_or_default());
    list
}
