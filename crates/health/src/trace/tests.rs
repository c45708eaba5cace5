use super::*;
use wire::transport;

const ACK: u8 = 0x10;
const SYN: u8 = 0x02;

/// Plays lines of direction, sequence number, length, acknowledgment and millisecond.
fn play(lines: &[(bool, u32, usize, u32, u16)]) -> (Told, Vec<Fit>, Trace) {
    let (mut trace, mut told) = (Trace::default(), Told::default());
    trace.flags.set(Flags::UNICAST, true);
    let mut fits = vec![];
    for (back, seq, len, ack, ms) in lines {
        let flags = transport::Flags(if *ack == 0 { SYN } else { ACK });
        let header = Tcp {
            source: 1,
            destination: 2,
            seq: *seq,
            ack: *ack,
            flags,
            window: 0,
            options: &[],
            header_len: 20,
            payload: &[],
        };
        trace.count(*back);
        fits.push(trace.fit(&header, *len, *back));
        if !trace.follows(&header, *len, *back, &mut told) {
            trace.segment(&header, *len, *back, ms / 4, &mut told);
        }
    }
    trace.end(&mut told);
    (told, fits, trace)
}

const A: bool = false;
const B: bool = true;

#[test]
fn it_has_64_bytes() {
    assert_eq!(size_of::<Trace>(), 64);
}

#[test]
fn what_comes_in_order_is_no_gap() {
    let (told, fits, _) = play(&[
        (A, 9, 0, 0, 0),
        (B, 100, 0, 10, 1),
        (A, 10, 12, 100, 2),
        (B, 100, 9, 22, 3),
        (A, 22, 0, 109, 4),
    ]);
    assert_eq!(told, Told { acks: 3, two_sided: 1, ..Told::default() });
    assert_eq!(fits[3..], [Fit::Next { answers: true }, Fit::Next { answers: true }]);
}

#[test]
fn what_is_acknowledged_and_was_never_seen_is_lost() {
    let start = [(A, 10, 5, 100, 0), (B, 100, 5, 15, 1)];
    // 15 to 25 are missing; the acknowledgment of 30 says that the receiver has them.
    let (told, ..) = play(&[&start[..], &[(A, 25, 5, 105, 2), (B, 105, 0, 30, 3)]].concat());
    assert_eq!((told.gaps, told.lost_bytes, told.late), (1, 10, 0));
    // The same, with nothing seen behind the hole.
    let (told, ..) = play(&[&start[..], &[(B, 105, 0, 30, 3)]].concat());
    assert_eq!((told.gaps, told.lost_bytes, told.late), (1, 15, 0));
}

#[test]
fn what_was_lost_before_the_receiver_and_sent_again_is_not_lost_to_the_tap() {
    let start = [(A, 10, 5, 100, 0), (B, 100, 5, 15, 1), (A, 25, 5, 105, 2), (B, 105, 0, 15, 3)];
    let (told, ..) = play(&[&start[..], &[(A, 15, 10, 105, 250), (B, 105, 0, 30, 251)]].concat());
    assert_eq!((told.gaps, told.lost_bytes, told.late), (0, 0, 0));
}

#[test]
fn bytes_that_come_after_their_acknowledgment_are_late_and_not_lost() {
    let start = [(A, 10, 5, 100, 0), (B, 100, 5, 15, 1), (B, 105, 0, 30, 2)];
    let (told, ..) = play(&[&start[..], &[(A, 15, 15, 105, 3)]].concat());
    assert_eq!((told.gaps, told.lost_bytes, told.late), (0, 0, 1));
    // Much later they were sent once more, and the tap had missed the first time.
    let (told, ..) = play(&[&start[..], &[(A, 15, 15, 105, 300)]].concat());
    assert_eq!((told.gaps, told.lost_bytes, told.late), (1, 15, 0));
}

#[test]
fn one_side_alone_is_told_when_it_speaks_as_to_somebody() {
    let acks = [(A, 10, 0, 100, 0), (A, 10, 0, 110, 1), (A, 10, 0, 120, 2)];
    assert_eq!(play(&acks).0.one_sided, 1);
    // A call that nobody answers, and bytes that are sent again and again, are not established.
    assert_eq!(play(&[(A, 9, 0, 0, 0), (A, 9, 0, 0, 1), (A, 9, 0, 0, 3)]).0.one_sided, 0);
    assert_eq!(play(&[(A, 9, 5, 7, 0), (A, 9, 5, 7, 1), (A, 9, 5, 7, 3)]).0.one_sided, 0);
    // The other side turns up late.
    let mut lines: Vec<_> = (0..20).map(|n| (A, 10 + n * 5, 5, 100, 0)).collect();
    assert_eq!(play(&lines).0.one_sided, 1);
    lines.push((B, 100, 0, 110, 2));
    let told = play(&lines).0;
    assert_eq!((told.one_sided, told.two_sided), (0, 1));
}

#[test]
fn no_segments_panic_and_nothing_is_lost_that_was_seen() {
    arbtest::arbtest(|u| {
        let mut lines = vec![];
        for _ in 0..u.int_in_range(0..=40)? {
            let near = |u: &mut arbtest::arbitrary::Unstructured<'_>| {
                Ok(u.int_in_range(0..=60u32)?.wrapping_sub(if u.ratio(9, 10)? { 30 } else { 1 << 31 }))
            };
            lines.push((u.arbitrary()?, near(u)?, u.int_in_range(0..=20)?, near(u)?, u.arbitrary()?));
        }
        let (told, ..) = play(&lines);
        assert!(told.gaps <= told.acks && told.one_sided + told.two_sided <= 1);
        Ok(())
    });
}

#[test]
fn every_byte_in_any_order_before_its_acknowledgment_loses_nothing() {
    arbtest::arbtest(|u| {
        let (mut at, mut lines) = (10, vec![(A, 10, 0, 100, 0), (B, 100, 0, 10, 0)]);
        for _ in 0..u.int_in_range(1..=20)? {
            // Two segments in either order, the first of them perhaps repeated; then both are acknowledged.
            let (one, two) = (u.int_in_range(1..=30usize)?, u.int_in_range(1..=30usize)?);
            let middle = at + u32::try_from(one).unwrap();
            let mut both = vec![(A, at, one, 100, 0), (A, middle, two, 100, 0)];
            if u.arbitrary()? {
                both.reverse();
            }
            if u.arbitrary()? {
                both.push(both[0]);
            }
            at = middle + u32::try_from(two).unwrap();
            lines.extend(both);
            lines.push((B, 100, 0, at, 0));
        }
        let (told, ..) = play(&lines);
        assert_eq!((told.gaps, told.lost_bytes, told.late), (0, 0, 0));
        Ok(())
    });
}
