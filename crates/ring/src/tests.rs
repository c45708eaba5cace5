#![allow(clippy::print_stderr, reason = "a test that cannot go on says what it did not test")]

use super::*;
use std::net::UdpSocket;

#[test]
fn packets_that_no_card_stamped_have_the_kernels_time_and_are_counted() {
    let mut ring = match Ring::open("lo", None, Timestamps::Kernel) {
        Err(Error::NotAllowed) => return eprintln!("skipped: no right to open raw sockets"),
        opened => opened.unwrap(),
    };
    assert_eq!(ring.stamps(), None);
    // As on an interface whose card says that it stamps.
    ring.socket.want_stamps().unwrap();
    ring.stamps = Some(Stamps::default());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"unstamped", socket.local_addr().unwrap()).unwrap();
    let (mut frames, mut looks) = (0, 0);
    while frames == 0 && looks < 100 {
        looks += 1;
        let taken = ring.take(Duration::from_millis(100), &mut |frame| {
            assert!(frame.time > Time::from_s_ns(1_700_000_000, 0));
            frames += 1;
        });
        taken.unwrap();
    }
    assert!(frames > 0);
    assert_eq!(ring.stamps(), Some(Stamps { unstamped: frames, newest: None }));
}
