//! Input that wants to do harm, or was done harm.

use crate::Format::{Eml, Evtx, JsonLines, WindowsXml};
use crate::testing::{all, corpus, files, show};
use crate::{Format, sniff};
use expect_test::expect;

fn event(id: u32) -> String {
    format!("<Event><System><EventID>{id}</EventID><Channel>System</Channel></System></Event>")
}

fn ids(format: Format, bytes: &[u8]) -> String {
    let ids = all(format, bytes).into_iter().map(|one| match one {
        Ok(event) => format!("{:?}", event.fields[0].1),
        Err(damage) => damage.to_string(),
    });
    ids.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_damaged_xml_event_costs_only_itself() {
    let text = [
        event(1),
        "<Event><System><EventID>2</EventID>".into(),
        event(3),
        "<Event><System><EventID>4</System></Event>".into(),
        event(5),
        "<Event><Sys".into(),
    ];
    expect![[r#"
        Int(1)
        byte 77: cut short
        Int(3)
        byte 189: damaged XML
        Int(5)
        byte 308: cut short"#]]
    .assert_eq(&ids(WindowsXml, text.concat().as_bytes()));
}

#[test]
fn an_enormous_xml_event_is_left_out() {
    let text = [event(1), format!("<Event>{}</Event>", "x".repeat(9 << 20)), event(3)];
    expect![[r#"
        Int(1)
        byte 77: longer than 4194304 bytes
        Int(3)"#]]
    .assert_eq(&ids(WindowsXml, text.concat().as_bytes()));
}

#[test]
fn events_are_found_in_utf_16_and_across_the_steps_of_reading() {
    let text: String = (0..3000).map(event).collect();
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(ids(WindowsXml, text.as_bytes()), ids(WindowsXml, &utf16));
    assert_eq!(all(WindowsXml, &utf16).into_iter().filter(Result::is_ok).count(), 3000);
}

#[test]
fn text_that_is_not_utf_8_is_kept_as_far_as_it_can_be_read() {
    let found = all(WindowsXml, b"<Event><System><Computer>K\xfchl</Computer></System></Event>");
    expect![[r#"
        windows_unknown 1970-01-01T00:00:00.000000Z 1
          sources windows//
          Computer = "K�hl"
          target.host K�hl
    "#]]
    .assert_eq(&show(&found));
}

#[test]
fn names_and_numbers_of_fields_have_bounds() {
    let many: String = (0..5000).map(|n| format!("<Data Name='n{n}'>x</Data>")).collect();
    let long = "y".repeat(100_000);
    let text = format!("<Event><EventData><Data Name='{long}'>x</Data>{many}</EventData></Event>");
    let found = all(WindowsXml, text.as_bytes()).remove(0).unwrap();
    assert_eq!(found.fields.len(), 1025);
    assert_eq!(found.fields[0].0.len(), 256);
    assert_eq!(show(&[Ok(found)]).lines().last().unwrap(), "  FieldsDropped = 3977");
}

#[test]
fn depth_costs_nothing_but_the_event() {
    let deep =
        format!("<Event><UserData>{}{}</UserData></Event>", "<a>".repeat(200_000), "</a>".repeat(200_000));
    assert!(all(WindowsXml, deep.as_bytes())[0].is_ok());
    let deep = format!("{}1{}\n{{\"a\":1}}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    expect![[r#"
        line 1: damaged JSON
        Int(1)"#]]
    .assert_eq(&ids(JsonLines, deep.as_bytes()));
}

#[test]
fn a_damaged_json_line_costs_only_itself() {
    let text = b"{\"a\":1}\n{\"a\":2\n{\"a\":3}\n{\"a\":\"4\n{\"a\":5}\nnonsense\n{\"a\":6} {\"a\":7}\n{\"a\":}\n{\"a\":\"\xff\"}\n{\n\"a\":\n";
    expect![[r#"
        Int(1)
        line 2: cut short
        Int(3)
        line 4: cut short
        Int(5)
        line 6: damaged JSON
        Int(6)
        Int(7)
        line 8: damaged JSON
        Text("�")
        line 10: cut short"#]]
    .assert_eq(&ids(JsonLines, text));
}

#[test]
fn an_enormous_json_line_is_left_out() {
    let text = format!("{{\"a\":1}}\n{{\"a\":\"{}\"}}\n{{\"a\":3}}\n", "x".repeat(9 << 20));
    expect![[r#"
        Int(1)
        line 2: longer than 4194304 bytes
        Int(3)"#]]
    .assert_eq(&ids(JsonLines, text.as_bytes()));
    let text = format!("{{\"a\":1}}\n{{{}\n{{\"a\":3}}\n", "\n\"k\":\n 1,".repeat(1 << 20));
    assert_eq!(ids(JsonLines, text.as_bytes()), "Int(1)\nline 2: longer than 4194304 bytes\nInt(3)");
}

#[test]
fn what_is_no_event_log_is_told() {
    expect!["file: damaged event log"].assert_eq(&ids(Evtx, b"hello"));
    assert_eq!(ids(WindowsXml, b"<html/>"), "");
    assert_eq!(ids(JsonLines, b"\n\n"), "");
}

#[test]
fn a_mail_within_mails_without_end_is_read_or_told() {
    for part in
        ["Content-Type: message/rfc822\r\n\r\n", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"]
    {
        assert_eq!(all(Eml, format!("From: a@b.example\r\n{}", part.repeat(100_000)).as_bytes()).len(), 1);
    }
}

#[test]
fn no_bytes_make_a_reader_panic() {
    arbtest::arbtest(|u| {
        let bytes: &[u8] = u.arbitrary()?;
        for format in [Evtx, WindowsXml, JsonLines, Eml] {
            all(format, bytes);
        }
        sniff("x", bytes);
        Ok(())
    })
    .budget_ms(2000);
}

/// Pieces from which the readers' grammars are made reach deeper than arbitrary bytes.
#[test]
fn no_mixture_of_pieces_makes_a_reader_panic() {
    const PIECES: &[&str] = &[
        "<Event>",
        "</Event>",
        "<System>",
        "</System>",
        "<EventData>",
        "</EventData>",
        "<Data Name='",
        "'>",
        "</Data>",
        "&amp;",
        "&#0;",
        "&x",
        "<![CDATA[",
        "]]>",
        "<!--",
        "\u{feff}",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        ":",
        ",",
        "\n",
        "\"Event\"",
        "\"System\"",
        "\"winlog\"",
        "\"EventID\"",
        "\"Channel\"",
        "1e999",
        "-",
        "\"event_data\"",
        "\"#attributes\"",
        "\"#text\"",
        "From: a@b\r\n",
        "Content-Type: multipart/mixed; boundary=x\r\n",
        "\r\n\r\n",
        "--x",
        "--x--",
        "Content-Type: message/rfc822\r\n",
        "Received: from a (b [1.2.3.4]) by c; ",
        "=?utf-8?q?",
        "?=",
        "http://",
        "é",
        "Authentication-Results: a; spf=",
        "Content-Disposition: attachment; filename*0*=",
    ];
    arbtest::arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=60)? {
            text.push_str(u.choose(PIECES)?);
        }
        for format in [WindowsXml, JsonLines, Eml] {
            all(format, text.as_bytes());
        }
        Ok(())
    })
    .budget_ms(2000);
}

/// Size of an event log's header, and of a log with one chunk.
const HEADER: usize = 4096;
const ONE_CHUNK: u64 = 69_632;

#[test]
fn no_damage_to_an_event_log_makes_the_reader_panic_or_lose_the_other_chunks() {
    let Some(folder) = corpus("evtx-attack-samples") else { return };
    let mut small =
        files(folder, "evtx").into_iter().filter(|path| path.metadata().unwrap().len() == ONE_CHUNK);
    let [first, other] =
        [small.next().unwrap(), small.next().unwrap()].map(|path| std::fs::read(path).unwrap());
    let good = [&first, &other[HEADER..]].concat();
    let (sound, second) = (all(Evtx, &good).len(), all(Evtx, &other).len());
    assert!(second > 0 && sound > second);
    arbtest::arbtest(|u| {
        let mut bad = good.clone();
        for _ in 0..u.int_in_range(1..=40)? {
            let at = u.int_in_range(HEADER..=first.len() - 1)?;
            bad[at] = u.arbitrary()?;
        }
        let found = all(Evtx, &bad);
        assert!(found.iter().filter(|one| one.is_ok()).count() >= second);
        Ok(())
    })
    .budget_ms(4000);
}
