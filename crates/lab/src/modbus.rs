//! Modbus over TCP, the messages that the lab's stations exchange.
//!
//! Sources: *MODBUS Messaging on TCP/IP Implementation Guide V1.0b* (MG) and *MODBUS Application Protocol
//! Specification V1.1b3* (AP). Addresses are as on the wire, from 0.

use crate::bytes::{Put, len8, len16};

/// Protocol data unit: function code and what follows it.
pub type Pdu = Vec<u8>;

/// Puts the MBAP header before a PDU (MG 3.1.3).
pub fn adu(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut adu = vec![];
    adu.u16(transaction).u16(0).u16(len16(pdu).saturating_add(1)).u8(unit).put(pdu);
    adu
}

/// Asks for `count` holding registers (AP 6.3).
pub fn read_holding_registers(address: u16, count: u16) -> Pdu {
    let mut pdu = vec![0x03];
    pdu.u16(address).u16(count);
    pdu
}

/// Writes one holding register; the answer is the same message (AP 6.6).
pub fn write_single_register(address: u16, value: u16) -> Pdu {
    let mut pdu = vec![0x06];
    pdu.u16(address).u16(value);
    pdu
}

/// Writes holding registers (AP 6.12).
pub fn write_multiple_registers(address: u16, values: &[u16]) -> Pdu {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let mut pdu = vec![0x10];
    pdu.u16(address).u16(u16::from(len8(&bytes)) / 2).counted(&bytes);
    pdu
}

/// Asks for the basic identification: vendor, product code, version (AP 6.21).
pub fn read_device_identification() -> Pdu {
    vec![0x2b, 0x0e, 0x01, 0x00]
}

/// Answers the read device id `code` with the basic identification: vendor, product code, version as objects
/// 0, 1 and 2 (AP 6.21).
pub fn device_identification(code: u8, who: [&str; 3]) -> Pdu {
    let mut pdu = vec![0x2b, 0x0e, code, 0x81, 0x00, 0x00, 0x03];
    for (object, text) in (0..).zip(who) {
        pdu.u8(object).counted(text.as_bytes());
    }
    pdu
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_standards_examples() {
        assert_eq!(read_holding_registers(0x6b, 3), [0x03, 0x00, 0x6b, 0x00, 0x03]);
        assert_eq!(write_single_register(1, 3), [6, 0, 1, 0, 3]);
        assert_eq!(write_multiple_registers(1, &[10, 0x0102]), [0x10, 0, 1, 0, 2, 4, 0, 10, 1, 2]);
        assert_eq!(adu(0x1501, 0xff, &[3]), [0x15, 0x01, 0, 0, 0, 2, 0xff, 3]);
    }
}
