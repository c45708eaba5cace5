//! What Sigma rules call our typed logs and their columns.

use model::LogSource;

/// What rules call one of our logs besides its own name.
pub(super) struct Log {
    /// Name of the log.
    log: &'static str,
    /// Categories that its rows belong to.
    categories: &'static [&'static str],
    /// Names that rules of those categories use, each with the column that holds it.
    aliases: Aliases,
}

/// Names that rules use, each with the column that holds it.
pub(super) type Aliases = &'static [(&'static str, &'static str)];

/// Sigma's taxonomy appendix, "Specific": generic categories `dns`, `proxy`, `webserver`, `firewall`.
static LOGS: &[Log] = &[
    Log {
        log: "conn",
        categories: &["firewall"],
        aliases: &[
            ("src_ip", "id.orig_h"),
            ("src_port", "id.orig_p"),
            ("dst_ip", "id.resp_h"),
            ("dst_port", "id.resp_p"),
        ],
    },
    Log {
        log: "dns",
        categories: &["dns"],
        aliases: &[("record_type", "qtype_name"), ("answer", "answers")],
    },
    Log {
        log: "http",
        categories: &["proxy", "webserver"],
        aliases: &[
            ("c-uri", "uri"),
            ("c-uri-query", "uri"),
            ("cs-uri", "uri"),
            ("cs-uri-query", "uri"),
            ("cs-uri-stem", "uri"),
            ("c-useragent", "user_agent"),
            ("cs-user-agent", "user_agent"),
            ("cs-host", "host"),
            ("r-dns", "host"),
            ("cs-method", "method"),
            ("cs-referer", "referrer"),
            ("cs-referrer", "referrer"),
            ("cs-username", "username"),
            ("sc-status", "status_code"),
            ("src_ip", "id.orig_h"),
            ("dst_ip", "id.resp_h"),
        ],
    },
];

/// What a row of the log `name` is to rules: Zeek's service of that name and, where there is one, a generic
/// category; with `ot` also our own category for actions on the process.
pub(super) fn sources(name: &'static str, ot: bool) -> Vec<LogSource> {
    let none = LogSource { product: None, category: None, service: None };
    let mut found = vec![LogSource { product: Some("zeek"), service: Some(name), ..none }];
    for log in LOGS.iter().filter(|log| log.log == name) {
        found.extend(log.categories.iter().map(|category| LogSource { category: Some(category), ..none }));
    }
    if ot {
        found.push(LogSource { product: Some("tieline"), category: Some("ot"), ..none });
    }
    found
}

/// Names that rules use for columns of the log `name`.
pub(super) fn aliases(name: &str) -> Aliases {
    LOGS.iter().find(|log| log.log == name).map_or(&[], |log| log.aliases)
}
