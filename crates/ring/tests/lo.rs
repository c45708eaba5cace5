//! The real kernel: what is sent over the loopback interface is seen there.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and says what it did not test"
)]

use ring::{Error, Ring, Timestamps};
use std::io::Write;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// Frames seen until `enough` of them hold `mark`, or half a minute is over.
fn frames_with(ring: &mut Ring, mark: &[u8], enough: usize) -> Vec<Vec<u8>> {
    let (mut found, began) = (vec![], Instant::now());
    while found.len() < enough && began.elapsed() < Duration::from_secs(30) {
        ring.take(Duration::from_millis(100), &mut |frame| {
            if frame.bytes.windows(mark.len()).any(|part| part == mark) {
                assert!(frame.wire_len >= frame.bytes.len());
                found.push(frame.bytes.to_vec());
            }
        })
        .unwrap();
    }
    found
}

#[test]
fn what_passes_an_interface_is_seen_whole_and_in_order() {
    let mut ring = match Ring::open("lo", None, Timestamps::Kernel) {
        Err(Error::NotAllowed) => return eprintln!("skipped: no right to open raw sockets"),
        opened => opened.unwrap(),
    };
    let (from, to) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let mark = format!("tieline ring {}", std::process::id());
    for n in 0..300_u32 {
        let message = [mark.as_bytes(), &n.to_be_bytes()].concat();
        from.send_to(&message, to.local_addr().unwrap()).unwrap();
    }
    // The loopback interface shows each frame as it leaves and as it comes.
    let found = frames_with(&mut ring, mark.as_bytes(), 300);
    let mut numbers: Vec<_> = found.iter().map(|frame| frame[frame.len() - 4..].to_vec()).collect();
    numbers.dedup();
    assert!(numbers.len() >= 150 && numbers.is_sorted(), "{}", numbers.len());
    assert_eq!(ring.lost().unwrap(), 0);
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    match Ring::open("no-such-if", None, Timestamps::Kernel) {
        Err(Error::NotAllowed) => eprintln!("skipped: no right to open raw sockets"),
        opened => assert_eq!(opened.unwrap_err().to_string(), "there is no interface no-such-if"),
    }
}

#[test]
fn a_sealed_thread_sends_nothing_and_still_listens() {
    let mut ring = match Ring::open("lo", None, Timestamps::Kernel) {
        Err(Error::NotAllowed) => return eprintln!("skipped: no right to open raw sockets"),
        opened => opened.unwrap(),
    };
    let (from, to) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let mark = format!("tieline sealed {}", std::process::id());
    let target = to.local_addr().unwrap();
    let sealed = std::thread::scope(|scope| {
        let sealed = scope.spawn(|| {
            let own = UdpSocket::bind("127.0.0.1:0").unwrap();
            own.send_to(b"before", target).unwrap();
            ring.seal().unwrap();
            let refused = own.send_to(b"after", target).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
            // Nor can it open another socket like this one, or write to a file that it may write to any less.
            assert!(matches!(Ring::open("lo", None, Timestamps::Kernel), Err(Error::NotAllowed)));
            let file = std::env::temp_dir().join(format!("tieline-sealed-{}", std::process::id()));
            std::fs::write(&file, "still").unwrap();
            let seen = frames_with(&mut ring, mark.as_bytes(), 1).len();
            // Files that are opened when the ring is closed do not get its number, under which nothing can be written.
            drop(ring);
            let mut files: Vec<_> = (0..20).map(|_| std::fs::File::create(&file).unwrap()).collect();
            files.iter_mut().for_each(|file| file.write_all(b"still").unwrap());
            std::fs::remove_file(&file).unwrap();
            seen
        });
        while !sealed.is_finished() {
            from.send_to(mark.as_bytes(), target).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        sealed.join().unwrap()
    });
    assert!(sealed > 0);
}

#[test]
fn rings_that_share_see_every_conversation_whole_at_one_of_them() {
    let mut rings = match Ring::several("lo", None, Timestamps::Kernel, 3) {
        Err(Error::NotAllowed) => return eprintln!("skipped: no right to open raw sockets"),
        opened => opened.unwrap(),
    };
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let clients: Vec<_> = (0..40).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let mark = format!("tieline several {} ", std::process::id());
    for (client, number) in clients.iter().zip(0u8..) {
        let message = [mark.as_bytes(), &[number]].concat();
        client.send_to(&message, server.local_addr().unwrap()).unwrap();
        server.send_to(&message, client.local_addr().unwrap()).unwrap();
    }
    let numbers = |ring: &mut Ring| {
        let (mut seen, began) = (vec![], Instant::now());
        while began.elapsed() < Duration::from_secs(1) {
            ring.take(Duration::from_millis(50), &mut |frame| {
                let found = frame.bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
                seen.extend(frame.bytes.last().copied().filter(|_| found));
            })
            .unwrap();
        }
        seen.sort_unstable();
        seen
    };
    let shares: Vec<Vec<u8>> = rings.iter_mut().map(numbers).collect();
    let mut conversations: Vec<u8> = vec![];
    for mut share in shares {
        let frames = share.len();
        share.dedup();
        // Each direction is seen as it leaves, as it comes, or both.
        assert!(frames >= 2 * share.len(), "both directions");
        conversations.extend(share);
    }
    conversations.sort_unstable();
    assert_eq!(conversations, (0..40).collect::<Vec<u8>>());
}

#[test]
fn a_card_that_has_no_stamps_is_named_with_what_it_can() {
    match Ring::open("lo", None, Timestamps::Hardware) {
        Err(Error::NotAllowed) => eprintln!("skipped: no right to open raw sockets"),
        opened => assert_eq!(
            opened.unwrap_err().to_string(),
            "the card of lo cannot stamp every packet that it receives: it has no stamps of its own, the kernel's alone"
        ),
    }
}
