//! Read Device Identification, AP 6.21, and what it and Report Server ID tell the inventory.

use super::adu::Head;
use super::rows::DeviceIdentification;
use crate::Out;
use model::Trait;
use wire::{Reader, Result};

/// MEI type of Read Device Identification.
pub(super) const MEI: u8 = 14;

/// Writes what is asked for: the code of the identification and the first object.
pub(super) fn request(head: Head, link: &str, data: &[u8], out: &mut Out<'_>) {
    let &[code, object, ..] = data else { return };
    let mut row = DeviceIdentification::new(out.conversation, head, true, link, code);
    row.object_id_code = format!("{object:#04x}");
    row.object_id = category(object);
    out.row(&row);
}

/// Writes a row per object and reports vendor, model and firmware.
///
/// # Errors
/// When the list of objects is cut short.
pub(super) fn response(head: Head, link: &str, data: &[u8], out: &mut Out<'_>) -> Result<()> {
    let mut r = Reader::new(data);
    let code = r.u8("read device id code")?;
    let conformity = r.u8("conformity level")?;
    r.u8("more follows")?;
    r.u8("next object id")?;
    for _ in 0..r.u8("number of objects")? {
        let object = r.u8("object id")?;
        let length = r.u8("object length")?;
        let value = r.take("object value", length.into())?;
        let mut row = DeviceIdentification::new(out.conversation, head, false, link, code);
        row.conformity_level_code = Some(format!("{conformity:#04x}"));
        row.conformity_level = Some(level(conformity));
        row.object_id_code = format!("{object:#04x}");
        row.object_id = name(object);
        row.object_value = Some(value);
        out.row(&row);
        tell(about(object), value, out);
    }
    Ok(())
}

/// AP 6.13: the text of a server's identification is its model, where it is text.
pub(super) fn server_id(data: &[u8], out: &mut Out<'_>) {
    // The run indicator, 0x00 or 0xff, ends the identification; some servers begin with a number.
    let text = data.strip_suffix(&[0xff]).or(data.strip_suffix(&[0])).unwrap_or(data);
    let text =
        text.split_first().filter(|(first, _)| first.is_ascii_control()).map_or(text, |(_, rest)| rest);
    if text.len() >= 4 {
        tell(Some(Trait::Model), text, out);
    }
}

fn tell(about: Option<Trait>, value: &[u8], out: &mut Out<'_>) {
    let printable = value.iter().all(|byte| *byte == b' ' || byte.is_ascii_graphic());
    if let (Some(about), true, Ok(value)) = (about, printable, str::from_utf8(value))
        && !value.trim().is_empty()
    {
        out.identity(out.conversation.resp.addr, about, value.trim());
    }
}

fn about(object: u8) -> Option<Trait> {
    match object {
        0 => Some(Trait::Vendor),
        1 => Some(Trait::Model),
        2 => Some(Trait::Firmware),
        _ => None,
    }
}

fn name(object: u8) -> &'static str {
    match object {
        0 => "VendorName",
        1 => "ProductCode",
        2 => "MajorMinorVersion",
        3 => "VendorURL",
        4 => "ProductName",
        5 => "ModelName",
        6 => "UserApplicationName",
        _ => "Unknown",
    }
}

fn category(object: u8) -> &'static str {
    match object {
        0..=2 => "Basic Device Identification",
        3..=0x7f => "Regular Device Identification",
        0x80.. => "Extended Device Identification",
    }
}

fn level(code: u8) -> &'static str {
    match code {
        0x01 => "Basic Identification (Stream)",
        0x02 => "Regular Identification (Stream)",
        // AP 6.21 has 3; 4 is seen as well.
        0x03 | 0x04 => "Extended Identification (Stream)",
        0x81 => "Basic Identification (Stream, Individual)",
        0x82 => "Regular Identification (Stream, Individual)",
        0x83 => "Extended Identification (Stream, Individual)",
        _ => "Unknown",
    }
}
