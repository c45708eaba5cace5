//! From a mail to a stopped controller, as the console gets it.

use console::view::{Evidence, Join, Ms, Step};

/// Seconds before the stop, level, place, sentence, rule, priority, techniques, log, source and number, the
/// row.
type Told = (i64, f32, &'static str, &'static str, &'static str, u8, &'static [&'static str], Shown);
type Shown = (&'static str, &'static str, u64, &'static str);

const STEPS: [Told; 7] = [
    (
        672,
        4.0,
        "MAIL01",
        "m.keller receives a mail from accounts@northgas-invoices.example with Invoice_0312.docm",
        "mail_with_active_attachment",
        3,
        &["T1566.001"],
        (
            "mail",
            "maildir/0312",
            1,
            "From: accounts@northgas-invoices.example  Attachment: Invoice_0312.docm",
        ),
    ),
    (
        610,
        4.0,
        "WS-ENG-07",
        "m.keller opens Invoice_0312.docm on WS-ENG-07",
        "office_opens_document",
        0,
        &["T1204.002"],
        (
            "windows_sysmon",
            "WS-ENG-07-sysmon.evtx",
            4_112,
            "EventID 1  Image WINWORD.EXE  CommandLine \"Invoice_0312.docm\"  User PLANT\\m.keller",
        ),
    ),
    (
        604,
        4.0,
        "WS-ENG-07",
        "WINWORD.EXE starts powershell.exe as m.keller on WS-ENG-07",
        "office_spawns_interpreter",
        2,
        &["T1059.001"],
        (
            "windows_sysmon",
            "WS-ENG-07-sysmon.evtx",
            4_119,
            "EventID 1  Image powershell.exe  ParentImage WINWORD.EXE  CommandLine -w hidden -enc SQBFAFgA",
        ),
    ),
    (
        390,
        3.5,
        "JUMP01",
        "m.keller logs on to JUMP01 from WS-ENG-07",
        "remote_interactive_logon",
        3,
        &["T1021.001"],
        (
            "windows_security",
            "JUMP01-security.json",
            88_213,
            "EventID 4624  LogonType 10  TargetUserName m.keller  IpAddress 10.4.20.17",
        ),
    ),
    (
        251,
        3.0,
        "HIST01",
        "m.keller goes on from JUMP01 to HIST01",
        "remote_interactive_logon",
        2,
        &["T1021.001", "T0886"],
        (
            "windows_security",
            "HIST01-security.evtx",
            52_771,
            "EventID 4624  LogonType 10  TargetUserName m.keller  IpAddress 10.35.0.10  LogonId 0x5d1e3",
        ),
    ),
    (
        118,
        3.0,
        "HIST01",
        "python.exe starts in that session on HIST01",
        "script_interpreter_started",
        2,
        &["T0853"],
        (
            "windows_sysmon",
            "HIST01-sysmon.evtx",
            9_034,
            "EventID 1  Image python.exe  CommandLine python.exe flowcalc.py  LogonId 0x5d1e3",
        ),
    ),
    (
        0,
        1.0,
        "PLC-ASC-1",
        "HIST01 stops PLC-ASC-1; the controller accepts",
        "ot_controller_stop_accepted",
        1,
        &["T0858"],
        (
            "umas",
            "tap-ot",
            88_213,
            "10.3.0.20:49712 > 10.1.10.5:502  unit 1  function 90  stop_plc  answer ok (0xfe)",
        ),
    ),
];

/// Variable, value, earlier step, confidence; by step.
const JOINS: [&[(&str, &str, u32, &str)]; 7] = [
    &[],
    &[("user", "m.keller", 0, "resolved"), ("file", "Invoice_0312.docm", 0, "exact")],
    &[("user", "m.keller", 1, "exact"), ("workstation", "WS-ENG-07", 1, "exact")],
    &[("user", "m.keller", 2, "exact"), ("workstation", "WS-ENG-07", 2, "resolved")],
    &[("user", "m.keller", 3, "exact"), ("jump", "JUMP01", 3, "resolved")],
    &[("historian", "HIST01", 4, "exact"), ("session", "HIST01/0x5d1e3", 4, "exact")],
    &[("historian", "HIST01", 5, "resolved")],
];

/// The hops; the last one is at `stop`.
pub(crate) fn steps(stop: Ms) -> Vec<Step> {
    let told = STEPS.iter().zip(JOINS).zip(0..);
    told.map(|((&(before, level, place, text, rule, priority, techniques, shown), joins), number)| Step {
        number,
        time: stop - before * 1000,
        level: Some(level),
        place: place.into(),
        text: text.into(),
        rule: rule.into(),
        priority,
        techniques: techniques.iter().map(|technique| (*technique).into()).collect(),
        joins: joins.iter().map(|join| self::join(*join)).collect(),
        evidence: evidence(stop - before * 1000, shown),
        repeats: u32::from(number == 3) * 2,
        entities: vec![("actor.user".into(), "m.keller".into()), ("target.host".into(), place.into())],
    })
    .collect()
}

fn join((variable, value, with, confidence): (&str, &str, u32, &str)) -> Join {
    Join { variable: variable.into(), value: value.into(), with, confidence: confidence.into() }
}

fn evidence(time: Ms, (log, source, number, text): Shown) -> Evidence {
    let wire = log == "umas";
    Evidence {
        time,
        source: source.into(),
        number,
        log: log.into(),
        uid: wire.then(|| "CHhAvVGS1DHFjwGM9".into()),
        text: text.into(),
        packets: wire,
    }
}

/// One frame of the stop: Ethernet, IPv4, TCP, and function 90 with command 0x41.
pub(crate) fn pcap() -> Vec<u8> {
    const HEAD: &str = "d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000";
    const RECORD: &str = "00000000 00000000 42000000 42000000";
    const FRAME: &str = "0080f41c1005 001ebd411001 0800 4500003400010000 3f06 0000 0a030014 0a010a05 \
        c230 01f6 00000001 00000001 5018 2000 0000 0000 0001 0000 0006 01 5a 3c 41 ff00";
    let digits: Vec<u8> =
        [HEAD, RECORD, FRAME].concat().bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let mut bytes: Vec<u8> =
        digits.chunks(2).filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect();
    // Padded to the length that the record states.
    bytes.resize(24 + 16 + 0x42, 0);
    bytes
}
