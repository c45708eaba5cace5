use super::{PROTOCOL, header};
use crate::Guess;
use crate::testing::{check, survives_damage, talk, unhex};
use expect_test::expect;
use std::fmt::Write;

/// SPNEGO response: accept-completed.
const ACCEPTED: &str = "a107 3005 a003 0a01 00";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn len(hex: &str) -> usize {
    unhex(hex).len()
}

fn utf16(text: &str) -> String {
    hex(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
}

fn le16(value: usize) -> String {
    hex(&u16::try_from(value).unwrap().to_le_bytes())
}

/// Length, allocated length, offset.
fn field(length: usize, offset: usize) -> String {
    format!("{0}{0}{1}0000", le16(length), le16(offset))
}

fn negotiate() -> String {
    format!("{} 01000000 978208e2", hex(b"NTLMSSP\0"))
}

/// From a server with a NetBIOS and a DNS name and domain; Windows 10.0 build 17763.
fn challenge(computer: &str, domain: &str) -> String {
    let pair = |attribute: usize, text: &str| {
        let value = utf16(text);
        format!("{}{}{value}", le16(attribute), le16(len(&value)))
    };
    let short = domain.split('.').next().unwrap();
    let full = format!("{computer}.{domain}").to_lowercase();
    let pairs =
        [pair(2, &short.to_uppercase()), pair(1, computer), pair(4, domain), pair(3, &full), pair(5, domain)];
    let pairs = pairs.concat() + "00000000";
    format!(
        "{} 02000000 {} 05828962 0102030405060708 0000000000000000 {} 0a00 6345 0000000f {pairs}",
        hex(b"NTLMSSP\0"),
        field(0, 56),
        field(len(&pairs), 56),
    )
}

fn authenticate(domain: &str, user: &str, workstation: &str) -> String {
    let texts = [domain, user, workstation].map(utf16);
    let mut offset = 72;
    let fields = texts.iter().fold(String::new(), |mut fields, text| {
        fields += &field(len(text), offset);
        offset += len(text);
        fields
    });
    format!(
        "{} 03000000 {1} {1} {fields} {1} 05828862 0a00 614a 0000000f {2}",
        hex(b"NTLMSSP\0"),
        field(0, 72),
        texts.concat()
    )
}

fn frame(message: &str) -> String {
    format!("00 {:06x} {message}", len(message))
}

/// A session set-up of SMB 2.
fn request(session: u8, blob: &str) -> String {
    let head = format!("fe534d42 4000 0100 00000000 0100 0100 00000000 00000000 {:032x}", 0);
    let setup = format!("1900 00 01 00000000 00000000 {} {} {:016x}", le16(88), le16(len(blob)), 0);
    frame(&format!("{head} {session:02x}{:014x} {:032x} {setup} {blob}", 0, 0))
}

fn response(session: u8, status: u32, blob: &str) -> String {
    let status = hex(&status.to_le_bytes());
    let head = format!("fe534d42 4000 0100 {status} 0100 0100 01000000 00000000 {:032x}", 0);
    let setup = format!("0900 0000 {} {}", le16(72), le16(len(blob)));
    frame(&format!("{head} {session:02x}{:014x} {:032x} {setup} {blob}", 0, 0))
}

fn logon() -> String {
    format!(
        "
        > {}
        < {}
        > {}
        < {}
        ",
        request(0, &negotiate()),
        response(7, 0xc000_0016, &challenge("HIST01", "plant.example")),
        request(7, &authenticate("PLANT", "m.keller", "JUMP01")),
        response(7, 0, ACCEPTED),
    )
}

#[test]
fn a_logon_tells_both_ends() {
    check(
        &PROTOCOL,
        &logon(),
        expect![[r#"
            identity @2 host=10.0.0.2 trait=name value=HIST01 protocol=smb
            identity @2 host=10.0.0.2 trait=domain value=plant.example protocol=smb
            identity @2 host=10.0.0.2 trait=os value=Windows 10.0 build 17763 protocol=smb
            identity @3 host=10.0.0.1 trait=name value=JUMP01 protocol=smb
            identity @3 host=10.0.0.1 trait=os value=Windows 10.0 build 19041 protocol=smb
            ntlm @1 username=m.keller hostname=JUMP01 domainname=PLANT server_nb_computer_name=HIST01 server_dns_computer_name=hist01.plant.example server_tree_name=plant.example success=true status=0x00000000
        "#]],
    );
}

#[test]
fn a_refusal_has_its_status() {
    check(
        &PROTOCOL,
        &format!(
            "
            > {}
            < {}
            ",
            request(7, &authenticate("PLANT", "admin", "KALI")),
            response(7, 0xc000_006d, ""),
        ),
        expect![[r#"
            identity @1 host=10.0.0.1 trait=name value=KALI protocol=smb
            identity @1 host=10.0.0.1 trait=os value=Windows 10.0 build 19041 protocol=smb
            ntlm @1 username=admin hostname=KALI domainname=PLANT status=0xc000006d
        "#]],
    );
}

#[test]
fn logons_of_two_sessions_are_kept_apart() {
    check(
        &PROTOCOL,
        &format!(
            "
            < {}
            < {}
            > {}
            > {}
            < {}
            ",
            response(7, 0xc000_0016, &challenge("DC01", "plant.example")),
            response(8, 0xc000_0016, &challenge("DC01", "plant.example")),
            request(8, &authenticate("PLANT", "second", "WS02")),
            request(7, &authenticate("PLANT", "first", "WS01")),
            response(8, 0, ACCEPTED),
        ),
        expect![[r#"
            identity @1 host=10.0.0.2 trait=name value=DC01 protocol=smb
            identity @1 host=10.0.0.2 trait=domain value=plant.example protocol=smb
            identity @1 host=10.0.0.2 trait=os value=Windows 10.0 build 17763 protocol=smb
            identity @3 host=10.0.0.1 trait=name value=WS02 protocol=smb
            identity @3 host=10.0.0.1 trait=os value=Windows 10.0 build 19041 protocol=smb
            identity @4 host=10.0.0.1 trait=name value=WS01 protocol=smb
            ntlm @2 username=second hostname=WS02 domainname=PLANT server_nb_computer_name=DC01 server_dns_computer_name=dc01.plant.example server_tree_name=plant.example success=true status=0x00000000
            ntlm @1 username=first hostname=WS01 domainname=PLANT server_nb_computer_name=DC01 server_dns_computer_name=dc01.plant.example server_tree_name=plant.example
        "#]],
    );
}

#[test]
fn smb_1_wraps_the_same_messages() {
    let head = |reply: &str, status: &str| {
        format!("ff534d42 73 {status} {reply} 01c8 0000 {:016x} 0000 0000 0000 0800 0000", 0)
    };
    let blob = authenticate("PLANT", "operator", "HMI01");
    let request = format!(
        "{} 0c ff00 0000 0411 3200 0000 00000000 {2} 00000000 d40000a0 {2} {1}",
        head("18", "00000000"),
        blob,
        le16(len(&blob)),
    );
    let response =
        format!("{} 04 ff00 0000 0000 {1} {1} {ACCEPTED}", head("98", "00000000"), le16(len(ACCEPTED)));
    check(
        &PROTOCOL,
        &format!("> {}\n< {}", frame(&request), frame(&response)),
        expect![[r#"
        identity @1 host=10.0.0.1 trait=name value=HMI01 protocol=smb
        identity @1 host=10.0.0.1 trait=os value=Windows 10.0 build 19041 protocol=smb
        ntlm @1 username=operator hostname=HMI01 domainname=PLANT success=true status=0x00000000
    "#]],
    );
}

#[test]
fn what_is_encrypted_is_passed_over() {
    check(&PROTOCOL, &format!("> {}", frame("fd534d42 0011223344556677")), expect![[""]]);
}

#[test]
fn damage_is_told_in_words() {
    check(
        &PROTOCOL,
        &format!("> {}\n> {}\n> 85 000000", frame("fe534d42 4000"), frame("00112233")),
        expect![[r#"
            damaged: signature to credit charge at byte 0 is cut short by 2 bytes
            damaged: signature at byte 0 holds 0x0, which is not allowed
        "#]],
    );
}

#[test]
fn a_frame_shows_what_it_is() {
    assert_eq!(header::recognise(&unhex("00000045 fe534d42 40")), Guess::Sure);
    assert_eq!(header::recognise(&unhex("81000044 20434b")), Guess::Maybe);
    assert_eq!(header::recognise(&unhex("000000")), Guess::NeedMore);
    assert_eq!(header::recognise(b"GET / HTTP/1.1"), Guess::No);
}

#[test]
fn no_damage_of_a_logon_panics() {
    survives_damage(&PROTOCOL, &talk(), &logon());
}
