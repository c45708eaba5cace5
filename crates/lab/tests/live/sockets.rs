use crate::{START, start, wait};
use lab::live::{DEMO, Flow, Live};
use lab::modbus;
use model::{Span, Time};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

const NOTEBOOK: [u8; 4] = [10, 2, 0, 99];
const ASC: [u8; 4] = [10, 1, 10, 5];
const MARGIN: u16 = 106;

fn address(live: &Live, name: &str) -> SocketAddr {
    live.addresses().into_iter().find(|(known, ..)| &**known == name).unwrap().2
}

fn call(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// The next whole answer.
fn receive(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut header = [0; 7];
    stream.read_exact(&mut header)?;
    let mut pdu = vec![0; usize::from(u16::from_be_bytes([header[4], header[5]])) - 1];
    stream.read_exact(&mut pdu)?;
    Ok([&header[..2], &pdu].concat())
}

fn ask(stream: &mut TcpStream, unit: u8, pdu: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(&modbus::adu(7, unit, pdu))?;
    receive(stream).map(|answer| answer[2..].to_vec())
}

fn read(stream: &mut TcpStream, register: u16) -> u16 {
    let answer = ask(stream, 1, &modbus::read_holding_registers(register, 1)).unwrap();
    assert_eq!(answer[..2], [3, 2]);
    u16::from_be_bytes([answer[2], answer[3]])
}

/// Whether a conversation is at its end: reset, or closed.
fn cut(result: std::io::Result<Vec<u8>>) -> bool {
    const ENDS: [ErrorKind; 3] =
        [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::UnexpectedEof];
    result.is_err_and(|error| ENDS.contains(&error.kind()))
}

#[test]
fn requests_may_come_in_pieces_or_many_at_once() {
    let (live, _) = start(DEMO, 1.0);
    let mut stream = call(address(&live, "PLC-ASC-1"));
    for byte in modbus::adu(1, 1, &modbus::read_holding_registers(MARGIN, 1)) {
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!(receive(&mut stream).unwrap(), [0, 1, 3, 2, 0, 30]);
    let many = (2..5).flat_map(|number| modbus::adu(number, 255, &modbus::read_holding_registers(MARGIN, 1)));
    stream.write_all(&many.collect::<Vec<u8>>()).unwrap();
    for number in 2..5 {
        assert_eq!(receive(&mut stream).unwrap(), [0, number, 3, 2, 0, 30]);
    }
    assert_eq!(ask(&mut stream, 9, &[3, 0, 0, 0, 1]).unwrap(), [0x83, 10], "no such unit");
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(cut(receive(&mut stream)), "what is no Modbus ends the conversation");
}

#[test]
fn a_stopped_controller_answers_takes_what_is_written_and_does_nothing_with_it() {
    let (live, _) = start(DEMO, 5.0);
    let mut stream = call(address(&live, "PLC-UNIT-2"));
    let life = |stream: &mut TcpStream| read(stream, 210);
    wait("seconds of life", || life(&mut stream) > 2);
    let key = ask(&mut stream, 0, &[0x5a, 0, 0x10, 0x23, 0x14, 0, 0, 2, b'P', b'C']).unwrap()[3];
    assert_eq!(ask(&mut stream, 0, &[0x5a, key, 0x41, 0xff, 0]).unwrap(), [0x5a, key, 0xfe]);
    wait("the flag of the operating system", || read(&mut stream, 207) == 0);
    let stood = life(&mut stream);
    let valve = modbus::write_single_register(209, 400);
    assert_eq!(ask(&mut stream, 1, &valve).unwrap(), valve);
    assert_eq!(read(&mut stream, 209), 400);
    let now = live.now();
    wait("ten seconds of the story", || live.now() - now > Span::s(10));
    assert_eq!(life(&mut stream), stood);
    assert!(live.measured().discharge_valve > 0.68);
    assert_eq!(ask(&mut stream, 0, &[0x5a, key, 0x40, 0xff, 0]).unwrap(), [0x5a, key, 0xfe]);
    wait("what was written takes effect", || live.measured().discharge_valve < 0.65);
}

#[test]
fn a_reservation_ends_with_its_conversation() {
    let (live, _) = start(DEMO, 1.0);
    let reserve = [0x5a, 0, 0x10, 0x23, 0x14, 0, 0, 2, b'P', b'C'];
    let mut first = call(address(&live, "PLC-ASC-1"));
    assert_eq!(ask(&mut first, 0, &reserve).unwrap()[2], 0xfe);
    let mut second = call(address(&live, "PLC-ASC-1"));
    assert_eq!(ask(&mut second, 0, &reserve).unwrap()[2], 0xfd);
    drop(first);
    wait("the reservation", || ask(&mut second, 0, &reserve).unwrap()[2] == 0xfe);
}

#[test]
fn the_seventeenth_conversation_is_refused() {
    let (live, _) = start(DEMO, 1.0);
    let address = address(&live, "PLC-UNIT-2");
    let margin = [3, 0, 209, 0, 1];
    let mut open = vec![];
    // The site's own clients have some of the sixteen.
    wait("a refusal", || {
        let mut stream = call(address);
        let refused = cut(ask(&mut stream, 1, &margin));
        open.push(stream);
        refused
    });
    assert!((13..=17).contains(&open.len()), "{}", open.len());
    open.truncate(3);
    wait("room for another", || ask(&mut call(address), 1, &margin).is_ok());
}

#[test]
fn a_block_cuts_what_is_open_and_what_is_new_and_nothing_else_until_it_ends() {
    let (live, kept) = start(DEMO, 5.0);
    let (asc, unit) = (address(&live, "PLC-ASC-1"), address(&live, "PLC-UNIT-2"));
    let (mut open, mut other) = (call(asc), call(unit));
    assert_eq!(read(&mut open, MARGIN), 30);
    let until = live.now() + Span::s(20);
    let flow = Flow { src: NOTEBOOK.into(), dst: ASC.into(), port: 502 };
    live.firewall().put(flow, until);
    assert_eq!(live.firewall().list(), [(flow, until)]);
    assert!(cut(ask(&mut open, 1, &modbus::write_single_register(MARGIN, 1))));
    assert!(cut(ask(&mut call(asc), 1, &modbus::write_single_register(MARGIN, 2))));
    assert_eq!(read(&mut other, 209), 700);
    assert!(live.now() < until, "all this was while the block was in force");
    wait("its end", || live.firewall().list().is_empty());
    assert!(live.now() >= until);
    assert_eq!(read(&mut call(asc), MARGIN), 30, "nothing was written");
    live.stop();
    let resets = kept.segments().into_iter().filter(|s| s.rst && s.to.0.octets() == NOTEBOOK);
    assert_eq!(resets.count(), 2);
    let frames = kept.frames();
    let of = |at: usize| frames.iter().find(|(_, frame)| frame[at..at + 4] == NOTEBOOK).unwrap();
    assert_eq!(of(28).1[6..12], [2, 0, 10, 2, 0, 99], "it has asked for its router");
    assert_eq!(of(26).1[6..12], [0, 0x1e, 0xbd, 0x41, 0x10, 1], "in the cell it is seen behind the router");
}

#[test]
fn a_write_moves_the_plant() {
    let (live, _) = start(DEMO, 10.0);
    let mut asc = call(address(&live, "PLC-ASC-1"));
    let mut unit = call(address(&live, "PLC-UNIT-2"));
    ask(&mut asc, 1, &modbus::write_single_register(111, 400)).unwrap();
    wait("the recycle valve", || live.measured().recycle_valve > 0.35);
    ask(&mut asc, 1, &modbus::write_single_register(111, 65_535)).unwrap();
    ask(&mut unit, 1, &modbus::write_multiple_registers(208, &[4300, 680])).unwrap();
    wait("the speed", || live.measured().speed_rad_s > 447.0);
    wait("the recycle valve on its own", || live.measured().recycle_valve < 0.2);
    wait("the register that shows it", || read(&mut unit, 203) > 4270);
}

#[test]
fn nothing_listens_after_the_end_and_nothing_comes_any_more() {
    let (live, kept) = start(DEMO, 20.0);
    let addresses: Vec<SocketAddr> = live.addresses().into_iter().map(|(.., socket)| socket).collect();
    let mut open = call(addresses[0]);
    assert_eq!(read(&mut open, MARGIN), 30);
    live.stop();
    let count = kept.frames().len();
    assert!(cut(ask(&mut open, 1, &[3, 0, 0, 0, 1])));
    for address in addresses {
        let refused = TcpStream::connect(address).map_err(|error| error.kind());
        assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused), "{address}");
        TcpListener::bind(address).unwrap();
    }
    assert_eq!(kept.frames().len(), count);
}

#[test]
fn two_sites_run_beside_each_other() {
    let ((one, _), (two, _)) = (start(DEMO, 1.0), start(DEMO, 1.0));
    let (first, second) = (address(&one, "PLC-ASC-1"), address(&two, "PLC-ASC-1"));
    assert_ne!(first, second);
    assert_eq!(read(&mut call(first), MARGIN), read(&mut call(second), MARGIN));
}

#[test]
fn a_clock_that_does_not_run_is_refused() {
    let script = lab::script::Script::read(DEMO).unwrap();
    for speed in [0.0, -1.0, f64::NAN, 1e9] {
        let options = lab::live::Options { seed: 1, speed, start: Time(0) };
        let kept = std::sync::Arc::new(crate::kept::Kept::default());
        assert!(
            matches!(Live::start(&script, options, kept), Err(lab::live::LiveError::Speed(_))),
            "{speed}"
        );
    }
    assert!(START > Time(0));
}
