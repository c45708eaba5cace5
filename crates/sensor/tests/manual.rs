//! The manual's page of links is written from the code: a change shows here, and `UPDATE_EXPECT=1` writes it.

#![allow(clippy::unwrap_used, reason = "a test")]

use expect_test::expect_file;
use sensor::{Sign, TUNNELS};
use std::fmt::Write;
use wire::link::{KINDS, TAGS};

#[test]
fn the_page_of_links_is_up_to_date() {
    let mut page = String::from(
        "# Link types and encapsulations\n\nWritten from the code. What a packet is wrapped in is taken off; the packet inside \
         belongs to a conversation like any other.\n\n## Link types\n\nBy their numbers in the list of link-layer header types \
         (tcpdump.org). A capture of another link is tried as IP without a header.\n\n| number | link |\n|---|---|\n",
    );
    let mut kinds: Vec<_> = KINDS.iter().map(|kind| (kind.link.0, kind.name)).collect();
    kinds.sort_unstable();
    kinds.iter().for_each(|(number, name)| writeln!(page, "| {number} | {name} |").unwrap());
    page.push_str(
        "\n## In an Ethernet frame\n\nIn any order, up to sixteen deep.\n\n| EtherType | what | read as | source |\n\
         |---|---|---|---|\n",
    );
    for tag in TAGS {
        let types: Vec<_> = tag.ethertypes.iter().map(|number| format!("{number:#06x}")).collect();
        writeln!(page, "| {} | {} | {} | {} |", types.join(", "), tag.name, tag.read, tag.spec).unwrap();
    }
    page.push_str(
        "\nFrames that are not IP are counted. Of those that resolve addresses (ARP), only what is cut short is told.\n\n\
         ## Tunnels\n\nUp to four in each other. Each has its rows in `tunnel.log`, and `tunnel_parents` in `conn.log` has the \
         name of the innermost one that a conversation came through.\n\n| known by | what | tunnel type | source |\n\
         |---|---|---|---|\n",
    );
    for tunnel in TUNNELS {
        let sign = match tunnel.sign {
            Sign::Protocol(number) => format!("IP protocol {number}"),
            Sign::Port(port) => format!("udp/{port}"),
        };
        writeln!(page, "| {sign} | {} | `{}` | {} |", tunnel.name, tunnel.kind.0, tunnel.spec).unwrap();
    }
    expect_file!["../../../docs/reference/links.md"].assert_eq(&page);
}
