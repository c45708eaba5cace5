//! Frames that look like some, cut anywhere.

use arbtest::arbitrary::{Result, Unstructured};
use wire::link::Link;

/// A whole TCP segment over IPv4 and Ethernet.
pub(super) fn tcp(source: [u8; 4], destination: [u8; 4], from: u16, to: u16) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0]);
    frame.extend(source);
    frame.extend(destination);
    frame.extend(from.to_be_bytes());
    frame.extend(to.to_be_bytes());
    frame.extend([0; 16]);
    frame
}

/// A frame of a kind that filters ask about, or nearly so.
pub(super) fn frame(u: &mut Unstructured<'_>, link: Link) -> Result<Vec<u8>> {
    let mut frame = vec![];
    match link {
        Link::ETHERNET => {
            for _ in 0..2 {
                let known = [[0xff; 6], [0, 1, 2, 3, 4, 5], [1, 0x80, 0xc2, 0, 0, 0]];
                frame.extend(u.choose(&known)?);
            }
            ether_type(u, &mut frame)?;
        }
        Link::LINUX_SLL => {
            frame.extend([0, u.int_in_range(0..=4)?, 0, 1, 0, 6, 0, 1, 2, 3, 4, 5, 0, 0]);
            ether_type(u, &mut frame)?;
        }
        Link::LINUX_SLL2 => {
            let mut kind = vec![];
            let direction = u.int_in_range(0..=4)?;
            ether_type(u, &mut kind)?;
            let (kind, rest) = kind.split_at(2);
            frame.extend(kind);
            frame.extend([0, 0, 0, 0, 0, 3, 0, 1, direction, 6, 0, 1, 2, 3, 4, 5, 0, 0]);
            frame.extend(rest);
        }
        Link::NULL => {
            frame.extend(u.choose(&[[2, 0, 0, 0], [0, 0, 0, 2], [24, 0, 0, 0]])?);
            ip(u, &mut frame)?;
        }
        _ => ip(u, &mut frame)?,
    }
    let end = if u.ratio(1, 3)? { u.int_in_range(0..=frame.len())? } else { frame.len() };
    frame.truncate(end);
    Ok(frame)
}

fn ether_type(u: &mut Unstructured<'_>, frame: &mut Vec<u8>) -> Result<()> {
    const KINDS: [u16; 12] =
        [0x0800, 0x0800, 0x86dd, 0x0806, 0x8035, 0x8100, 0x88a8, 0x8847, 0x8864, 0x8892, 38, 0x0004];
    let kind = *u.choose(&KINDS)?;
    frame.extend(kind.to_be_bytes());
    match kind {
        0x0800 => v4(u, frame),
        0x86dd => v6(u, frame),
        0x8100 | 0x88a8 if frame.len() < 60 => {
            frame.extend([u.int_in_range(0..=1)? << 5, u.int_in_range(5..=8)?]);
            ether_type(u, frame)
        }
        0x8847 => {
            frame.extend([0, 1, 0, 64]);
            if u.ratio(1, 2)? {
                frame.extend([0, 1, 0, 64]);
            }
            if let Some(last) = frame.iter_mut().rev().nth(1) {
                *last |= 1;
            }
            ip(u, frame)
        }
        0x8864 => {
            frame.extend([0x11, 0, 0, u.int_in_range(0..=2)?, 0, 9, 0, *u.choose(&[0x21, 0x57])?]);
            ip(u, frame)
        }
        _ => {
            let known = [[0x42, 0x42, 3], [0xfe, 0xfe, 3], [0xff, 0xff, 0], [0, 1, 8], [0xf0, 0xf0, 0]];
            frame.extend(u.choose(&known)?);
            frame.extend([0, 6, 4, 0, 1, 0, 1, 2, 3, 4, 5]);
            address(u, frame)?;
            frame.extend([0; 6]);
            address(u, frame)
        }
    }
}

fn ip(u: &mut Unstructured<'_>, frame: &mut Vec<u8>) -> Result<()> {
    if u.ratio(1, 3)? { v6(u, frame) } else { v4(u, frame) }
}

fn address(u: &mut Unstructured<'_>, frame: &mut Vec<u8>) -> Result<()> {
    frame.extend(u.choose(&[[10, 0, 0, 9], [10, 0, 0, 1], [192, 168, 1, 1], [224, 0, 0, 5]])?);
    Ok(())
}

fn v4(u: &mut Unstructured<'_>, frame: &mut Vec<u8>) -> Result<()> {
    let words: u8 = u.int_in_range(5..=7)?;
    let fragment = if u.ratio(1, 5)? { u.int_in_range(0..=255)? } else { 0 };
    let protocol = *u.choose(&[6, 6, 17, 132, 1, 47])?;
    frame.extend([
        0x40 | words,
        0,
        0,
        u.arbitrary()?,
        0,
        1,
        0,
        fragment,
        u.int_in_range(1..=9)?,
        protocol,
        0,
        0,
    ]);
    address(u, frame)?;
    address(u, frame)?;
    frame.extend(vec![0; usize::from(words - 5) * 4]);
    transport(u, frame)
}

fn v6(u: &mut Unstructured<'_>, frame: &mut Vec<u8>) -> Result<()> {
    let next = *u.choose(&[6, 17, 132, 58, 44, 0])?;
    frame.extend([0x60, 0, 0, 0, 0, u.arbitrary()?, next, 64]);
    for _ in 0..2 {
        frame.extend(u.choose(&[[0xfe, 0x80], [0x20, 0x01], [0xff, 0x02]])?);
        frame.extend([0; 13]);
        frame.push(u.int_in_range(1..=2)?);
    }
    if matches!(next, 0 | 44) {
        frame.extend([*u.choose(&[6, 17, 58])?, 0, 0, 0, 0, 0, 0, 0]);
    }
    transport(u, frame)
}

fn transport(u: &mut Unstructured<'_>, frame: &mut Vec<u8>) -> Result<()> {
    for _ in 0..2 {
        frame.extend(u.choose(&[502_u16, 53, 80, 102, 500, 600, 40000])?.to_be_bytes());
    }
    frame.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, u.arbitrary()?]);
    for _ in 0..u.int_in_range(0..=12)? {
        frame.push(u.arbitrary()?);
    }
    Ok(())
}
