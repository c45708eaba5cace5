use super::What;
use crate::fields::FieldList;
use model::LogSource;

/// Sigma's log sources of an event: `windows`, its service, and each category it belongs to.
pub(super) fn sources(what: &What, fields: &FieldList) -> Vec<LogSource> {
    let windows = LogSource { product: Some("windows"), category: None, service: None };
    let mut sources = vec![windows];
    if !what.service.is_empty() {
        sources.push(LogSource { service: Some(what.service), ..windows });
    }
    let categories = categories(what).iter().filter(|category| fits(category, what, fields));
    sources.extend(categories.map(|category| LogSource { category: Some(category), ..windows }));
    sources
}

/// Sysmon says with one number (12) that a key was made and that one was deleted; `EventType` tells which.
fn fits(category: &str, what: &What, fields: &FieldList) -> bool {
    match (what.service, what.id, category) {
        ("sysmon", 12, "registry_add") => {
            !fields.text("EventType").is_some_and(|kind| kind.starts_with("Delete"))
        }
        ("sysmon", 12, "registry_delete") => {
            !fields.text("EventType").is_some_and(|kind| kind.starts_with("Create"))
        }
        _ => true,
    }
}

/// Categories by event, in the words of SigmaHQ (`documentation/` of the rules; Sysmon 15, "Events").
fn categories(what: &What) -> &'static [&'static str] {
    match (what.service, what.id) {
        ("sysmon", id) => sysmon(id),
        ("security", 4688) => &["process_creation"],
        ("security", 4689) => &["process_termination"],
        ("security", 4657) => &["registry_set", "registry_event"],
        ("powershell", 4103) => &["ps_module"],
        ("powershell", 4104) => &["ps_script"],
        ("powershell-classic", 400) => &["ps_classic_start"],
        ("powershell-classic", 600) => &["ps_classic_provider_start"],
        ("powershell-classic", 800) => &["ps_classic_script"],
        _ => &[],
    }
}

fn sysmon(id: i64) -> &'static [&'static str] {
    match id {
        1 => &["process_creation"],
        2 => &["file_change"],
        3 => &["network_connection"],
        4 | 16 => &["sysmon_status"],
        5 => &["process_termination"],
        6 => &["driver_load"],
        7 => &["image_load"],
        8 => &["create_remote_thread"],
        9 => &["raw_access_thread"],
        10 => &["process_access"],
        11 => &["file_event"],
        12 => &["registry_event", "registry_add", "registry_delete"],
        13 => &["registry_event", "registry_set"],
        14 => &["registry_event", "registry_rename"],
        15 => &["create_stream_hash"],
        17 | 18 => &["pipe_created"],
        19..=21 => &["wmi_event"],
        22 => &["dns_query"],
        23 => &["file_delete"],
        24 => &["clipboard_capture"],
        25 => &["process_tampering"],
        26 => &["file_delete", "file_delete_detected"],
        27 => &["file_block_executable"],
        28 => &["file_block_shredding"],
        29 => &["file_executable_detected"],
        255 => &["sysmon_error"],
        _ => &[],
    }
}
