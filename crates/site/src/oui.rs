use model::Mac;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a vendor of network interfaces makes in the main.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Makes {
    /// Controllers, drives, relays, field devices.
    Control,
    /// Switches, routers, firewalls, serial gateways.
    Network,
    /// Computers and their network cards.
    Computer,
    /// Virtual machines.
    Virtual,
    /// Cameras.
    Camera,
    /// Nothing: an address that routers share among them (VRRP, RFC 9568, 7.3; HSRP; GLBP).
    Router,
}

type Table = BTreeMap<&'static str, (&'static str, Makes)>;

static TABLE: LazyLock<Table> = LazyLock::new(|| include_str!("oui.tsv").lines().flat_map(entries).collect());

/// Who made the interface with the address `mac`, and what that vendor makes; the longest known beginning
/// counts.
///
/// `None` when the beginning is not in the table, which holds the vendors of control systems and the common
/// ones of IT.
pub fn vendor(mac: Mac) -> Option<(&'static str, Makes)> {
    let digits = format!("{:012x}", mac.0.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte)));
    (4..=10).rev().find_map(|length| TABLE.get(digits.get(..length)?).copied())
}

/// Reads a hardware address: `00:80:f4:01:02:03`, also with dashes.
pub(crate) fn parse(text: &str) -> Option<Mac> {
    let mac = usual(text.as_bytes()).or_else(|| unusual(text))?;
    // A group address (IEEE 802, 8.2) or none at all belongs to no interface.
    let usable = mac != [0; 6] && mac.first().is_some_and(|first| first & 1 == 0);
    usable.then_some(Mac(mac))
}

/// As the sensor spells them: two digits each, with colons. Every conversation has two.
fn usual(text: &[u8]) -> Option<[u8; 6]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |high: u8, low: u8| Some(digit(high)? << 4 | digit(low)?);
    let (parts, &[high, low]) = text.split_last_chunk()?;
    let (parts, []) = parts.as_chunks::<3>() else { return None };
    let mut mac = [0, 0, 0, 0, 0, byte(high, low)?];
    let (places, _) = mac.split_last_chunk_mut::<1>()?;
    if parts.len() != places.len() {
        return None;
    }
    for (place, part) in places.iter_mut().zip(parts) {
        let &[high, low, b':'] = part else { return None };
        *place = byte(high, low)?;
    }
    Some(mac)
}

fn unusual(text: &str) -> Option<[u8; 6]> {
    let mut bytes = text.split([':', '-']).map(|part| u8::from_str_radix(part, 16));
    let mut mac = [0; 6];
    for place in &mut mac {
        *place = bytes.next()?.ok()?;
    }
    bytes.next().is_none().then_some(mac)
}

fn entries(line: &'static str) -> Vec<(&'static str, (&'static str, Makes))> {
    let mut columns = line.split('\t');
    let (Some(vendor), Some(makes), Some(beginnings)) = (columns.next(), columns.next(), columns.next())
    else {
        return Vec::new();
    };
    let Some(makes) = makes_of(makes) else { return Vec::new() };
    beginnings.split(' ').map(|beginning| (beginning, (vendor, makes))).collect()
}

fn makes_of(word: &str) -> Option<Makes> {
    Some(match word {
        "control" => Makes::Control,
        "network" => Makes::Network,
        "computer" => Makes::Computer,
        "virtual" => Makes::Virtual,
        "camera" => Makes::Camera,
        "router" => Makes::Router,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spelling_is_read_as_any_other() {
        arbtest::arbtest(|u| {
            let mut text = Mac(u.arbitrary()?).to_string().into_bytes();
            let place = u.choose_index(text.len())?;
            text[place] = *u.choose(b"0aF:-+g")?;
            let text = String::from_utf8(text).unwrap();
            if let Some(mac) = usual(text.as_bytes()) {
                assert_eq!(unusual(&text), Some(mac), "{text}");
            }
            Ok(())
        });
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        for line in include_str!("oui.tsv").lines().filter(|line| !line.starts_with('#')) {
            let entries = entries(line);
            assert!(!entries.is_empty(), "{line}");
            for (beginning, _) in entries {
                assert!((4..=10).contains(&beginning.len()), "{line}");
                assert!(
                    beginning.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn the_longest_beginning_counts() {
        let of = |text| vendor(parse(text).unwrap());
        assert_eq!(of("00:80:f4:01:02:03"), Some(("Schneider Electric", Makes::Control)));
        assert_eq!(of("00:00:0c:07:ac:01"), Some(("HSRP", Makes::Router)));
        assert_eq!(of("00:00:0c:01:02:03"), Some(("Cisco", Makes::Network)));
        assert_eq!(of("02:42:0a:00:00:01"), Some(("Docker", Makes::Virtual)));
        assert_eq!(of("fe:dc:ba:98:76:54"), None);
    }

    #[test]
    fn group_addresses_are_no_interfaces() {
        assert_eq!(parse("ff:ff:ff:ff:ff:ff"), None);
        assert_eq!(parse("01:00:5e:00:00:01"), None);
        assert_eq!(parse("00:80:f4:01:02"), None);
    }
}
