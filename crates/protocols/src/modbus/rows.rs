//! The logs of Modbus, with the columns of Zeek and ICSNPP.

use super::adu::{Body, Head};
use super::names;
use crate::Side;
use model::{Conversation, Name, Port, Word};
use std::net::IpAddr;
use wire::Result;

model::log! {
    /// Hosts that speak Modbus, once in each part that they play.
    pub(crate) struct Known: "known_modbus", Site {
        /// Address of the host.
        host: IpAddr => Ip,
        /// `Known::MODBUS_MASTER` asks, `Known::MODBUS_SLAVE` answers.
        device_type: Name,
    }
}

model::log! {
    /// One row per Modbus PDU.
    pub(crate) struct Modbus: "modbus", Conversation {
        /// Transaction identifier, pairs a response with its request.
        tid: u16,
        /// Unit identifier: the slave behind a gateway.
        unit: u8,
        /// Function by name.
        function = "func": Word,
        /// `REQ` from the client, `RESP` from the server.
        pdu_type: Word,
        /// Why the server refused.
        exception: Option<Word>,
    }
}

model::log! {
    /// Requests joined with their responses; one row per PDU for functions that are not joined.
    pub(crate) struct Detailed<'a>: "modbus_detailed", Conversation {
        /// Transaction identifier.
        tid: u16,
        /// Unit identifier: the slave behind a gateway.
        unit: u8,
        /// Function by name.
        function = "func": Word,
        /// First coil or register, from 0.
        address: Option<u16>,
        /// How many coils, registers or records.
        quantity: Option<u16>,
        /// Values that the client writes; coils are 0 or 1.
        request_values: Option<&'a [u64]>,
        /// Values that the server gives; coils are 0 or 1.
        response_values: Option<&'a [u64]>,
        /// Refers to rows of this PDU in other logs.
        link = "modbus_detailed_link_id": Option<&'a str>,
        /// Whether request and response were both seen; unset where they are not joined.
        matched: Option<bool>,
        /// Diagnostic subfunction that is asked for.
        request_subfunction_code: Option<String>,
        /// Diagnostic subfunction that is answered.
        response_subfunction_code: Option<String>,
        /// Diagnostic data of the request.
        request_data: Option<&'a [u8]>,
        /// Diagnostic or file data of the response; bits that fill its last byte.
        response_data: Option<&'a [u8]>,
        /// Why the server refused.
        exception_code: Option<Word>,
        /// What the encapsulated interface transports.
        mei_type: Option<String>,
    }
}

/// Columns that say who sent the PDU.
macro_rules! directed_log {
    ($(#[doc = $doc:literal])+ $row:ident: $log:literal, { $($own:tt)* }) => {
        model::log! {
            $(#[doc = $doc])+
            pub(crate) struct $row<'a>: $log, Conversation {
                /// Whether the client sent it.
                is_orig: bool,
                /// Address of the sender.
                source_h: IpAddr,
                /// Port of the sender.
                source_p: Port,
                /// Address of the receiver.
                destination_h: IpAddr,
                /// Port of the receiver.
                destination_p: Port,
                /// Refers to the row in `modbus_detailed`.
                link = "modbus_detailed_link_id": Option<&'a str>,
                /// Transaction identifier.
                tid: u16,
                /// Unit identifier: the slave behind a gateway.
                unit: u8,
                /// Function by name.
                function = "func": Word,
                /// `REQUEST` or `RESPONSE`.
                request_response: Word,
                $($own)*
            }
        }
    };
}

directed_log! {
    /// Writes to single bits of a register by masks.
    MaskWrite: "modbus_mask_write_register", {
        /// Register, from 0.
        address: u16,
        /// Bits that keep their value.
        and_mask: u16,
        /// Bits that are set where the AND mask clears them.
        or_mask: u16,
    }
}

directed_log! {
    /// Writes and reads of registers in one transaction.
    ReadWrite: "modbus_read_write_multiple_registers", {
        /// First register that is written, from 0.
        write_start_address: Option<u16>,
        /// Values that are written.
        write_registers: Option<&'a [u64]>,
        /// First register that is read, from 0.
        read_start_address: Option<u16>,
        /// How many registers are read.
        read_quantity: Option<u16>,
        /// Values that were read.
        read_registers: Option<&'a [u64]>,
    }
}

directed_log! {
    /// What devices say of themselves, one row per object.
    DeviceIdentification: "modbus_read_device_identification", {
        /// Always `READ-DEVICE-IDENTIFICATION`.
        mei_type: &'a str,
        /// Which identifications the device offers, as a hexadecimal code.
        conformity_level_code: Option<String>,
        /// Which identifications the device offers.
        conformity_level: Option<&'a str>,
        /// What is asked for: 1 basic, 2 regular, 3 extended, 4 one object.
        device_id_code: u8,
        /// Object, as a hexadecimal code.
        object_id_code: String,
        /// Object by name; in a request, the category it belongs to.
        object_id: &'a str,
        /// Its value.
        object_value: Option<&'a [u8]>,
    }
}

impl Modbus {
    /// The row of a PDU that may have damaged data.
    #[inline]
    pub(super) fn new(head: Head, from: Side, body: &Result<Body<'_>>) -> Self {
        let exception = match *body {
            Ok(Body::Exception { code }) => Some(Word(names::exception(code))),
            _ => None,
        };
        Self {
            tid: head.transaction,
            unit: head.unit,
            function: Word(names::function(head.function)),
            pdu_type: Word(if from == Side::Client { "REQ" } else { "RESP" }),
            exception,
        }
    }
}

/// Who sent a PDU and which it is, in the columns that three logs share.
struct Direction {
    from: (IpAddr, Port),
    to: (IpAddr, Port),
    word: &'static str,
}

impl Direction {
    fn new(conversation: &Conversation, is_orig: bool) -> Self {
        let orig = (conversation.orig.addr, Port(conversation.orig.port));
        let resp = (conversation.resp.addr, Port(conversation.resp.port));
        if is_orig {
            Self { from: orig, to: resp, word: "REQUEST" }
        } else {
            Self { from: resp, to: orig, word: "RESPONSE" }
        }
    }
}

macro_rules! directed {
    ($conversation:ident, $head:ident, $is_orig:ident, $link:ident, { $($own:tt)* }) => {{
        let way = Direction::new($conversation, $is_orig);
        Self {
            is_orig: $is_orig,
            source_h: way.from.0,
            source_p: way.from.1,
            destination_h: way.to.0,
            destination_p: way.to.1,
            link: (!$link.is_empty()).then_some($link),
            tid: $head.transaction,
            unit: $head.unit,
            function: Word(names::function($head.function)),
            request_response: Word(way.word),
            $($own)*
        }
    }};
}

impl<'a> MaskWrite<'a> {
    /// Address, AND mask and OR mask of `values`.
    pub(super) fn new(
        conversation: &Conversation,
        head: Head,
        is_orig: bool,
        link: &'a str,
        (address, and_mask, or_mask): (u16, u16, u16),
    ) -> Self {
        directed!(conversation, head, is_orig, link, { address, and_mask, or_mask })
    }
}

impl<'a> ReadWrite<'a> {
    /// Without its values.
    pub(super) fn new(conversation: &Conversation, head: Head, is_orig: bool, link: &'a str) -> Self {
        directed!(conversation, head, is_orig, link, {
            write_start_address: None,
            write_registers: None,
            read_start_address: None,
            read_quantity: None,
            read_registers: None,
        })
    }
}

impl<'a> DeviceIdentification<'a> {
    /// Without its object.
    pub(super) fn new(
        conversation: &Conversation,
        head: Head,
        is_orig: bool,
        link: &'a str,
        device_id_code: u8,
    ) -> Self {
        directed!(conversation, head, is_orig, link, {
            mei_type: "READ-DEVICE-IDENTIFICATION",
            conformity_level_code: None,
            conformity_level: None,
            device_id_code,
            object_id_code: String::new(),
            object_id: "",
            object_value: None,
        })
    }
}
