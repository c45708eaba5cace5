use model::Transport;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a service is for; rules about levels speak of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    /// Controllers answer it.
    Control,
    /// Supervisory systems offer it to others: OPC UA, MQTT, ICCP.
    Supervision,
    /// Historians and databases.
    History,
    /// A person at a distance.
    Remote,
    /// Mail.
    Mail,
    /// The web.
    Web,
    /// Logon to a domain.
    Directory,
    /// Files.
    Files,
    /// What everybody has: names, time, addresses.
    Common,
    /// Anything else.
    Other,
}

/// Families from the most telling to the least; decides which of several protocols in one conversation names
/// it.
const TELLING: [Family; 10] = [
    Family::Control,
    Family::Supervision,
    Family::Remote,
    Family::History,
    Family::Mail,
    Family::Files,
    Family::Directory,
    Family::Web,
    Family::Common,
    Family::Other,
];

struct Service {
    name: &'static str,
    /// Other words for it in a `service` column.
    also: &'static [&'static str],
    /// Ports on which it is taken for granted when no protocol was recognised; none where only recognition
    /// counts.
    ports: &'static [u16],
    family: Family,
}

const fn service(
    name: &'static str,
    also: &'static [&'static str],
    ports: &'static [u16],
    family: Family,
) -> Service {
    Service { name, also, ports, family }
}

/// Ports are IANA's. Control protocols have none here: a level must not rest on a number that anybody can
/// use.
const SERVICES: &[Service] = &[
    service("modbus", &["umas"], &[], Family::Control),
    service("s7comm", &["s7comm-plus", "s7comm_plus", "s7comm-ethernet"], &[], Family::Control),
    service("dnp3", &["dnp3_tcp", "dnp3_udp"], &[], Family::Control),
    service("iec104", &["iec60870-5-104", "iec60870_5_104"], &[], Family::Control),
    service("enip", &["cip", "cipio", "enip_tcp", "enip_udp"], &[], Family::Control),
    service("bacnet", &[], &[], Family::Control),
    service("mms", &["iec61850_mms"], &[], Family::Control),
    service("omron_fins", &["fins", "omron-fins"], &[], Family::Control),
    service("melsec", &["slmp"], &[], Family::Control),
    service("ge_srtp", &["ge-srtp", "srtp"], &[], Family::Control),
    service("ads", &["ams", "beckhoff_ads"], &[], Family::Control),
    service("hart_ip", &["hart-ip"], &[], Family::Control),
    service("profinet", &["profinet_io_cm", "profinet-io-cm", "pnio"], &[], Family::Control),
    service("synchrophasor", &["synchrophasor_tcp", "synchrophasor_udp", "c37.118"], &[], Family::Control),
    service("genisys", &[], &[], Family::Control),
    service("bsap", &["bsap_ip"], &[], Family::Control),
    service("c1222", &["c12.22"], &[], Family::Control),
    service("roc_plus", &["roc-plus"], &[], Family::Control),
    service("dlms", &[], &[], Family::Control),
    service("knxip", &["knx"], &[], Family::Control),
    service("pcworx", &[], &[], Family::Control),
    service("codesys", &[], &[], Family::Control),
    service("sbus", &["saia_sbus"], &[], Family::Control),
    service("crimson", &[], &[], Family::Control),
    service("triconex", &["tristation"], &[], Family::Control),
    service("opcua", &["opcua-binary", "opcua_binary"], &[], Family::Supervision),
    service("mqtt", &[], &[1883], Family::Supervision),
    service("iccp", &[], &[], Family::Supervision),
    service("fox", &["niagara_fox"], &[], Family::Supervision),
    service("pi", &[], &[5450, 5457], Family::History),
    service("mssql", &["tds"], &[1433], Family::History),
    service("mysql", &[], &[3306], Family::History),
    service("postgresql", &["pgsql"], &[5432], Family::History),
    service("oracle", &["tns"], &[1521], Family::History),
    service("influxdb", &[], &[8086], Family::History),
    service("rdp", &["rdpeudp"], &[3389], Family::Remote),
    service("ssh", &[], &[22], Family::Remote),
    service("vnc", &["rfb"], &[5900, 5901], Family::Remote),
    service("telnet", &[], &[23], Family::Remote),
    service("winrm", &[], &[5985, 5986], Family::Remote),
    service("teamviewer", &[], &[5938], Family::Remote),
    service("smtp", &[], &[25, 465, 587], Family::Mail),
    service("imap", &[], &[143, 993], Family::Mail),
    service("pop3", &[], &[110, 995], Family::Mail),
    service("krb", &["kerberos", "krb_tcp", "krb_udp"], &[88], Family::Directory),
    service("ldap", &["ldap_tcp", "ldap_udp"], &[389, 636, 3268], Family::Directory),
    service("smb", &[], &[445, 139], Family::Files),
    service("ftp", &["ftp-data", "ftp_data"], &[21], Family::Files),
    service("nfs", &[], &[2049], Family::Files),
    service("tftp", &[], &[69], Family::Files),
    service("http", &["websocket"], &[80, 8080], Family::Web),
    service("ssl", &["tls", "https", "quic"], &[443, 8443], Family::Web),
    service("dce_rpc", &[], &[135], Family::Common),
    service("dns", &["mdns", "llmnr", "nbns"], &[53, 137, 5353, 5355], Family::Common),
    service("ntp", &[], &[123], Family::Common),
    service("ptp", &[], &[319, 320], Family::Common),
    service("dhcp", &[], &[67, 68, 546, 547], Family::Common),
    service("snmp", &[], &[161, 162], Family::Common),
    service("syslog", &[], &[514, 6514], Family::Common),
    service("radius", &[], &[1812, 1813], Family::Common),
];

static BY_WORD: LazyLock<HashMap<&'static str, &'static Service, foldhash::fast::RandomState>> =
    LazyLock::new(|| {
        let words = |service: &'static Service| {
            [service.name].into_iter().chain(service.also.iter().copied()).map(move |word| (word, service))
        };
        SERVICES.iter().flat_map(words).collect()
    });

/// Name of what was served, from the words of the `service` column (`gssapi,smb,krb`), else from the
/// responder's port.
///
/// Of several words the most telling counts. `Ok` is a name of the table, `Err` is one that is not in it.
pub(crate) fn name<'a>(
    words: Option<&'a str>,
    transport: Transport,
    port: u16,
) -> Result<&'static str, Unlisted<'a>> {
    // One word that is in the table, as nearly always.
    if let Some(service) = words.and_then(listed).filter(|service| service.name != "ssl") {
        return Ok(service.name);
    }
    let by_port = || SERVICES.iter().find(|service| service.ports.contains(&port));
    let words = words.filter(|words| !words.is_empty());
    let known = words.unwrap_or_default().split(',').filter_map(listed);
    let rank = |service: &&Service| TELLING.iter().position(|family| *family == service.family);
    match known.min_by_key(rank) {
        // TLS says how, the port says what: RDP, mail and directories over TLS.
        Some(service) if service.name == "ssl" => Ok(by_port().unwrap_or(service).name),
        Some(service) => Ok(service.name),
        None => match (words, by_port()) {
            (None, Some(service)) => Ok(service.name),
            (Some(words), _) => Err(Unlisted::Word(words.rsplit(',').next().unwrap_or(words))),
            (None, None) => Err(Unlisted::Port(transport, port)),
        },
    }
}

/// What a service is called that the table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unlisted<'a> {
    /// By the sensor's word.
    Word(&'a str),
    /// By transport and port.
    Port(Transport, u16),
}

/// What the service called `name` is for.
pub(crate) fn family(name: &str) -> Family {
    listed(name).map_or(Family::Other, |service| service.family)
}

fn listed(word: &str) -> Option<&'static Service> {
    BY_WORD.get(word).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_word_names_a_conversation() {
        let of = |words, port| name(Some(words), Transport::Tcp, port);
        assert_eq!(of("gssapi,smb,krb", 445), Ok("smb"));
        assert_eq!(of("cotp,s7comm-plus", 102), Ok("s7comm"));
        assert_eq!(of("ssl", 3389), Ok("rdp"));
        assert_eq!(of("ssl", 9999), Ok("ssl"));
        assert_eq!(of("xmpp", 5222), Err(Unlisted::Word("xmpp")));
    }

    #[test]
    fn a_port_alone_makes_no_controller() {
        assert_eq!(name(None, Transport::Tcp, 502), Err(Unlisted::Port(Transport::Tcp, 502)));
        assert_eq!(name(None, Transport::Tcp, 22), Ok("ssh"));
    }

    #[test]
    fn no_word_and_no_port_names_two_services() {
        let words: Vec<_> =
            SERVICES.iter().flat_map(|s| [s.name].into_iter().chain(s.also.iter().copied())).collect();
        let ports: Vec<_> = SERVICES.iter().flat_map(|s| s.ports).collect();
        for (i, word) in words.iter().enumerate() {
            assert!(!words[..i].contains(word), "{word}");
        }
        for (i, port) in ports.iter().enumerate() {
            assert!(!ports[..i].contains(port), "{port}");
        }
    }
}
