use super::What;
use crate::fields::FieldList;
use model::Value;

/// Adds what rules expect to the fields that an event has; nothing that is there is changed.
///
/// | event | added | from |
/// |---|---|---|
/// | any | the name without blanks: `ThreatName` | a name with blanks: `Threat Name` (Defender) |
/// | Security 4688 | `Image`, `ParentImage`, `IntegrityLevel` | `NewProcessName`, `ParentProcessName`, `MandatoryLabel` |
/// | Security 4688 | `User`, `LogonId` | `SubjectDomainName\SubjectUserName`, `SubjectLogonId` |
/// | Security 4689 | `Image` | `ProcessName` |
/// | Security 4657 | `TargetObject`, `Details`, `Image`, `EventType` | `ObjectName\ObjectValueName`, `NewValue`, `ProcessName` |
/// | classic PowerShell | `Data` | `Message`, where the collector kept only that |
pub(super) fn derive(what: &What, fields: &mut FieldList) {
    without_blanks(fields);
    match (what.service, what.id) {
        ("security", 4688) => process(fields),
        ("security", 4689) => copy(fields, "ProcessName", "Image"),
        ("security", 4657) => registry(fields),
        ("powershell-classic", _) => copy(fields, "Message", "Data"),
        _ => {}
    }
}

fn without_blanks(fields: &mut FieldList) {
    let spaced: Vec<String> = fields.names().filter(|name| name.contains(' ')).map(str::to_owned).collect();
    for name in spaced {
        copy(fields, &name, &name.replace(' ', ""));
    }
}

fn process(fields: &mut FieldList) {
    copy(fields, "NewProcessName", "Image");
    copy(fields, "ParentProcessName", "ParentImage");
    copy(fields, "MandatoryLabel", "IntegrityLevel");
    copy(fields, "SubjectLogonId", "LogonId");
    if let (Some(domain), Some(user)) = (fields.text("SubjectDomainName"), fields.text("SubjectUserName")) {
        let account = format!(r"{domain}\{user}");
        fields.put_text("User", &account);
    }
}

/// Security 4657 says in its own way what Sysmon 13 says.
fn registry(fields: &mut FieldList) {
    copy(fields, "ProcessName", "Image");
    fields.put_text("EventType", "SetValue");
    if let (Some(key), Some(value)) = (fields.text("ObjectName"), fields.text("ObjectValueName")) {
        let object = format!(r"{}\{value}", hive(key));
        fields.put_text("TargetObject", &object);
    }
    if let Some(details) = details(fields) {
        fields.put_text("Details", &details);
    }
}

/// The kernel's name of a key, begun as Sysmon begins it.
fn hive(key: &str) -> String {
    for (kernel, short) in [(r"\REGISTRY\MACHINE", "HKLM"), (r"\REGISTRY\USER", "HKU")] {
        let head = key.get(..kernel.len()).filter(|head| head.eq_ignore_ascii_case(kernel));
        if let Some(rest) = head.and_then(|_| key.get(kernel.len()..)) {
            return format!("{short}{rest}");
        }
    }
    key.to_owned()
}

/// The value that was set, written as Sysmon writes it; its type stands in `NewValueType` as a message
/// number.
fn details(fields: &FieldList) -> Option<String> {
    let value = fields.text("NewValue")?;
    Some(match fields.text("NewValueType") {
        Some("%%1876") => format!("DWORD (0x{:08x})", number(value)?),
        Some("%%1883") => {
            let number = number(value)?;
            format!("QWORD (0x{:08x}-0x{:08x})", number >> 32, number & 0xFFFF_FFFF)
        }
        Some("%%1875") => "Binary Data".to_owned(),
        _ => value.to_owned(),
    })
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn copy(fields: &mut FieldList, from: &str, to: &str) {
    if let Some(value) = fields.value(from).cloned()
        && value != Value::Null
    {
        fields.put_new(to, value);
    }
}
