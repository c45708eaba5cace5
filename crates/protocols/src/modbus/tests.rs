//! Conversations of Modbus and their logs.

use super::*;
use crate::Guess;
use crate::testing::{check, unhex};
use expect_test::expect;
use model::{At, Conversation, Endpoint, Record, Rows, Transport, Uid};

#[test]
fn a_read_and_its_response_make_one_row() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 0006 01 03 0010 0002
        < 0001 0000 0007 01 03 04 00ff 0100
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=1 func=READ_HOLDING_REGISTERS pdu_type=REQ
            modbus @2 tid=1 unit=1 func=READ_HOLDING_REGISTERS pdu_type=RESP
            modbus_detailed @1 tid=1 unit=1 func=READ_HOLDING_REGISTERS address=16 quantity=2 response_values=[255, 256] matched=true | read accepted holding_registers
        "#]],
    );
}

#[test]
fn coils_are_bits_and_the_rest_of_their_byte_is_padding() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 0006 04 01 0001 0003
        < 0001 0000 0004 04 01 01 05
        > 0002 0000 0006 04 02 0001 0008
        < 0002 0000 0004 04 02 01 80
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=4 func=READ_COILS pdu_type=REQ
            modbus @2 tid=1 unit=4 func=READ_COILS pdu_type=RESP
            modbus_detailed @1 tid=1 unit=4 func=READ_COILS address=1 quantity=3 response_values=[1, 0, 1] matched=true response_data=0,0,0,0,0 | read accepted coils
            modbus @3 tid=2 unit=4 func=READ_DISCRETE_INPUTS pdu_type=REQ
            modbus @4 tid=2 unit=4 func=READ_DISCRETE_INPUTS pdu_type=RESP
            modbus_detailed @3 tid=2 unit=4 func=READ_DISCRETE_INPUTS address=1 quantity=8 response_values=[0, 0, 0, 0, 0, 0, 0, 1] matched=true | read accepted discrete_inputs
        "#]],
    );
}

#[test]
fn a_write_tells_its_object_and_its_values() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 0006 01 05 0003 ff00
        < 0001 0000 0006 01 05 0003 ff00
        > 0002 0000 0006 01 06 0007 1234
        < 0002 0000 0006 01 06 0007 1234
        > 0003 0000 0008 01 0f 0003 0002 01 01
        < 0003 0000 0006 01 0f 0003 0002
        > 0004 0000 000b 01 10 0028 0002 04 0001 0002
        < 0004 0000 0006 01 10 0028 0002
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=1 func=WRITE_SINGLE_COIL pdu_type=REQ
            modbus @2 tid=1 unit=1 func=WRITE_SINGLE_COIL pdu_type=RESP
            modbus_detailed @1 tid=1 unit=1 func=WRITE_SINGLE_COIL address=3 quantity=1 request_values=[1] response_values=[1] matched=true | write accepted coil 3 = 1
            modbus @3 tid=2 unit=1 func=WRITE_SINGLE_REGISTER pdu_type=REQ
            modbus @4 tid=2 unit=1 func=WRITE_SINGLE_REGISTER pdu_type=RESP
            modbus_detailed @3 tid=2 unit=1 func=WRITE_SINGLE_REGISTER address=7 quantity=1 request_values=[4660] response_values=[4660] matched=true | write accepted holding_register 7 = 4660
            modbus @5 tid=3 unit=1 func=WRITE_MULTIPLE_COILS pdu_type=REQ
            modbus @6 tid=3 unit=1 func=WRITE_MULTIPLE_COILS pdu_type=RESP
            modbus_detailed @5 tid=3 unit=1 func=WRITE_MULTIPLE_COILS address=3 quantity=2 request_values=[1, 0] matched=true | write accepted coil 3/2 = 1,0
            modbus @7 tid=4 unit=1 func=WRITE_MULTIPLE_REGISTERS pdu_type=REQ
            modbus @8 tid=4 unit=1 func=WRITE_MULTIPLE_REGISTERS pdu_type=RESP
            modbus_detailed @7 tid=4 unit=1 func=WRITE_MULTIPLE_REGISTERS address=40 quantity=2 request_values=[1, 2] matched=true | write accepted holding_register 40/2 = 1,2
        "#]],
    );
}

#[test]
fn an_exception_rejects_the_request_it_answers() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 0006 01 06 0007 1234
        < 0001 0000 0003 01 86 02
        < 0002 0000 0003 01 83 0a
        > 0003 0000 0006 01 06 0007 1234
        < 0003 0000 0003 01 86 05  # taken, but it takes long
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=1 func=WRITE_SINGLE_REGISTER pdu_type=REQ
            modbus @2 tid=1 unit=1 func=WRITE_SINGLE_REGISTER_EXCEPTION pdu_type=RESP exception=ILLEGAL_DATA_ADDRESS
            modbus_detailed @1 tid=1 unit=1 func=WRITE_SINGLE_REGISTER address=7 quantity=1 request_values=[4660] matched=true exception_code=ILLEGAL_DATA_ADDRESS | write rejected holding_register 7 = 4660
            modbus @3 tid=2 unit=1 func=READ_HOLDING_REGISTERS_EXCEPTION pdu_type=RESP exception=GATEWAY_PATH_UNAVAILABLE
            modbus_detailed @3 tid=2 unit=1 func=READ_HOLDING_REGISTERS_EXCEPTION exception_code=GATEWAY_PATH_UNAVAILABLE | read rejected holding_registers
            modbus @4 tid=3 unit=1 func=WRITE_SINGLE_REGISTER pdu_type=REQ
            modbus @5 tid=3 unit=1 func=WRITE_SINGLE_REGISTER_EXCEPTION pdu_type=RESP exception=ACKNOWLEDGE
            modbus_detailed @4 tid=3 unit=1 func=WRITE_SINGLE_REGISTER address=7 quantity=1 request_values=[4660] matched=true exception_code=ACKNOWLEDGE | write accepted holding_register 7 = 4660
        "#]],
    );
}

#[test]
fn requests_and_responses_that_find_no_partner_are_told() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 0006 01 03 0010 0002
        < 0002 0000 0007 01 03 04 00ff 0100
        < 0003 0000 0006 01 05 0003 0000
        < 0001 0000 0005 01 04 02 0000  # another function
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=1 func=READ_HOLDING_REGISTERS pdu_type=REQ
            modbus @2 tid=2 unit=1 func=READ_HOLDING_REGISTERS pdu_type=RESP
            modbus_detailed @2 tid=2 unit=1 func=READ_HOLDING_REGISTERS quantity=2 response_values=[255, 256] matched=false | read accepted holding_registers
            modbus @3 tid=3 unit=1 func=WRITE_SINGLE_COIL pdu_type=RESP
            modbus_detailed @3 tid=3 unit=1 func=WRITE_SINGLE_COIL address=3 quantity=1 response_values=[0] matched=false | write accepted coil 3
            modbus @4 tid=1 unit=1 func=READ_INPUT_REGISTERS pdu_type=RESP
            modbus_detailed @4 tid=1 unit=1 func=READ_INPUT_REGISTERS quantity=1 response_values=[0] matched=false | read accepted input_registers
            modbus_detailed @1 tid=1 unit=1 func=READ_HOLDING_REGISTERS address=16 quantity=2 matched=false | read no_answer holding_registers
        "#]],
    );
}

#[test]
fn pipelined_requests_with_one_transaction_are_told_apart_by_what_fits() {
    check(
        &PROTOCOL,
        "
        > 0000 0000 0006 01 03 0000 0002
        > 0000 0000 0006 01 03 0010 0001
        < 0000 0000 0005 01 03 02 0007
        < 0000 0000 0007 01 03 04 0001 0002
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=0 unit=1 func=READ_HOLDING_REGISTERS pdu_type=REQ
            modbus @2 tid=0 unit=1 func=READ_HOLDING_REGISTERS pdu_type=REQ
            modbus @3 tid=0 unit=1 func=READ_HOLDING_REGISTERS pdu_type=RESP
            modbus_detailed @2 tid=0 unit=1 func=READ_HOLDING_REGISTERS address=16 quantity=1 response_values=[7] matched=true | read accepted holding_registers
            modbus @4 tid=0 unit=1 func=READ_HOLDING_REGISTERS pdu_type=RESP
            modbus_detailed @1 tid=0 unit=1 func=READ_HOLDING_REGISTERS address=0 quantity=2 response_values=[1, 2] matched=true | read accepted holding_registers
        "#]],
    );
}

#[test]
fn masks_and_combined_writes_have_logs_of_their_own() {
    check(
        &PROTOCOL,
        "
        > 0012 0000 0008 04 16 000a dead 0001
        < 0012 0000 0008 04 16 000a dead 0001
        > 0015 0000 000f 06 17 0001 0002 0008 0002 04 00aa 00bb
        < 0015 0000 0007 06 17 04 00cc 00dd
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=18 unit=4 func=MASK_WRITE_REGISTER pdu_type=REQ
            modbus_mask_write_register @1 is_orig=true source_h=10.0.0.1 source_p=40000 destination_h=10.0.0.2 destination_p=502 modbus_detailed_link_id=C00000000000000000-1 tid=18 unit=4 func=MASK_WRITE_REGISTER request_response=REQUEST address=10 and_mask=57005 or_mask=1
            modbus @2 tid=18 unit=4 func=MASK_WRITE_REGISTER pdu_type=RESP
            modbus_detailed @1 tid=18 unit=4 func=MASK_WRITE_REGISTER address=10 modbus_detailed_link_id=C00000000000000000-1 matched=true | write accepted holding_register 10 = and 0xdead or 0x0001
            modbus_mask_write_register @2 is_orig=false source_h=10.0.0.2 source_p=502 destination_h=10.0.0.1 destination_p=40000 modbus_detailed_link_id=C00000000000000000-1 tid=18 unit=4 func=MASK_WRITE_REGISTER request_response=RESPONSE address=10 and_mask=57005 or_mask=1
            modbus @3 tid=21 unit=6 func=READ_WRITE_MULTIPLE_REGISTERS pdu_type=REQ
            modbus_read_write_multiple_registers @3 is_orig=true source_h=10.0.0.1 source_p=40000 destination_h=10.0.0.2 destination_p=502 modbus_detailed_link_id=C00000000000000000-2 tid=21 unit=6 func=READ_WRITE_MULTIPLE_REGISTERS request_response=REQUEST write_start_address=8 write_registers=[170, 187] read_start_address=1 read_quantity=2
            modbus @4 tid=21 unit=6 func=READ_WRITE_MULTIPLE_REGISTERS pdu_type=RESP
            modbus_detailed @3 tid=21 unit=6 func=READ_WRITE_MULTIPLE_REGISTERS modbus_detailed_link_id=C00000000000000000-2 matched=true | write accepted holding_register 8/2 = 170,187
            modbus_read_write_multiple_registers @4 is_orig=false source_h=10.0.0.2 source_p=502 destination_h=10.0.0.1 destination_p=40000 modbus_detailed_link_id=C00000000000000000-2 tid=21 unit=6 func=READ_WRITE_MULTIPLE_REGISTERS request_response=RESPONSE read_registers=[204, 221]
        "#]],
    );
}

#[test]
fn diagnostics_can_restart_or_silence_a_device() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 0006 02 08 0001 ff00
        < 0001 0000 0006 02 08 0001 ff00
        > 0002 0000 0006 02 08 0004 0000
        > 0003 0000 0008 02 08 0000 12345678
        < 0003 0000 0008 02 08 0000 12345678
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=2 func=DIAGNOSTICS pdu_type=REQ
            modbus @2 tid=1 unit=2 func=DIAGNOSTICS pdu_type=RESP
            modbus_detailed @1 tid=1 unit=2 func=DIAGNOSTICS matched=true request_subfunction_code=Restart Communications Option response_subfunction_code=Restart Communications Option request_data=\xff\x00 response_data=\xff\x00 | restart accepted Restart Communications Option
            modbus @3 tid=2 unit=2 func=DIAGNOSTICS pdu_type=REQ
            modbus @4 tid=3 unit=2 func=DIAGNOSTICS pdu_type=REQ
            modbus @5 tid=3 unit=2 func=DIAGNOSTICS pdu_type=RESP
            modbus_detailed @4 tid=3 unit=2 func=DIAGNOSTICS matched=true request_subfunction_code=Return Query Data response_subfunction_code=Return Query Data request_data=\x124Vx response_data=\x124Vx | diagnostic accepted Return Query Data
            modbus_detailed @3 tid=2 unit=2 func=DIAGNOSTICS matched=false request_subfunction_code=Force Listen Only Mode request_data=\x00\x00 | mode_change request Force Listen Only Mode
        "#]],
    );
}

#[test]
fn a_device_identifies_itself_to_the_inventory() {
    check(
        &PROTOCOL,
        "
        > 0017 0000 0005 01 2b 0e 01 00
        < 0017 0000 0016 01 2b 0e 01 83 00 00 02 00 04 41434d45 02 06 76312e322e33
        > 0018 0000 0002 01 11
        < 0018 0000 000b 01 11 08 02 50756d702d37 ff
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=23 unit=1 func=ENCAP_INTERFACE_TRANSPORT pdu_type=REQ
            modbus_read_device_identification @1 is_orig=true source_h=10.0.0.1 source_p=40000 destination_h=10.0.0.2 destination_p=502 modbus_detailed_link_id=C00000000000000000-1 tid=23 unit=1 func=ENCAP_INTERFACE_TRANSPORT request_response=REQUEST mei_type=READ-DEVICE-IDENTIFICATION device_id_code=1 object_id_code=0x00 object_id=Basic Device Identification
            modbus @2 tid=23 unit=1 func=ENCAP_INTERFACE_TRANSPORT pdu_type=RESP
            modbus_detailed @1 tid=23 unit=1 func=ENCAP_INTERFACE_TRANSPORT modbus_detailed_link_id=C00000000000000000-1 matched=true mei_type=Read Device Identification | identify accepted 
            modbus_read_device_identification @2 is_orig=false source_h=10.0.0.2 source_p=502 destination_h=10.0.0.1 destination_p=40000 modbus_detailed_link_id=C00000000000000000-1 tid=23 unit=1 func=ENCAP_INTERFACE_TRANSPORT request_response=RESPONSE mei_type=READ-DEVICE-IDENTIFICATION conformity_level_code=0x83 conformity_level=Extended Identification (Stream, Individual) device_id_code=1 object_id_code=0x00 object_id=VendorName object_value=ACME
            identity @2 host=10.0.0.2 trait=vendor value=ACME protocol=modbus
            modbus_read_device_identification @2 is_orig=false source_h=10.0.0.2 source_p=502 destination_h=10.0.0.1 destination_p=40000 modbus_detailed_link_id=C00000000000000000-1 tid=23 unit=1 func=ENCAP_INTERFACE_TRANSPORT request_response=RESPONSE mei_type=READ-DEVICE-IDENTIFICATION conformity_level_code=0x83 conformity_level=Extended Identification (Stream, Individual) device_id_code=1 object_id_code=0x02 object_id=MajorMinorVersion object_value=v1.2.3
            identity @2 host=10.0.0.2 trait=firmware value=v1.2.3 protocol=modbus
            modbus @3 tid=24 unit=1 func=REPORT_SLAVE_ID pdu_type=REQ
            modbus_detailed @3 tid=24 unit=1 func=REPORT_SLAVE_ID | identify request 
            modbus @4 tid=24 unit=1 func=REPORT_SLAVE_ID pdu_type=RESP
            modbus_detailed @4 tid=24 unit=1 func=REPORT_SLAVE_ID | identify accepted 
            identity @4 host=10.0.0.2 trait=model value=Pump-7 protocol=modbus
        "#]],
    );
}

#[test]
fn files_and_queues_are_counted() {
    check(
        &PROTOCOL,
        "
        > 0010 0000 000a 08 14 07 06 0004 0001 0002
        < 0010 0000 0009 08 14 06 05 06 0dfe 0020
        > 0011 0000 000e 08 15 0b 06 0004 0007 0002 06af 04be
        < 0011 0000 000e 08 15 0b 06 0004 0007 0002 06af 04be
        > 0016 0000 0004 0a 18 04de
        < 0016 0000 000a 0a 18 0006 0002 01b8 1284
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=16 unit=8 func=READ_FILE_RECORD pdu_type=REQ
            modbus @2 tid=16 unit=8 func=READ_FILE_RECORD pdu_type=RESP
            modbus_detailed @1 tid=16 unit=8 func=READ_FILE_RECORD quantity=1 matched=true response_data=\x05\x06\x0d\xfe\x00  | file_read accepted file 4
            modbus @3 tid=17 unit=8 func=WRITE_FILE_RECORD pdu_type=REQ
            modbus @4 tid=17 unit=8 func=WRITE_FILE_RECORD pdu_type=RESP
            modbus_detailed @3 tid=17 unit=8 func=WRITE_FILE_RECORD quantity=1 matched=true response_data=\x06\x00\x04\x00\x07\x00\x02\x06\xaf\x04\xbe | write accepted file 4
            modbus @5 tid=22 unit=10 func=READ_FIFO_QUEUE pdu_type=REQ
            modbus @6 tid=22 unit=10 func=READ_FIFO_QUEUE pdu_type=RESP
            modbus_detailed @5 tid=22 unit=10 func=READ_FIFO_QUEUE address=1246 quantity=2 response_values=[440, 4740] matched=true | read accepted fifo_queue
        "#]],
    );
}

#[test]
fn a_scan_over_all_functions_is_logged_whole() {
    let scan = || (1..=127).map(|code| format!("{code:04x} 0000 0002 01 {code:02x}"));
    assert_eq!(count("modbus", scan()), 127);
}

#[test]
fn damage_is_told_in_words() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 0005 01 03 0010 00
        > 0001 0007 0006 01 03 0010 0002
        > 0001 0000 0008 01 03 0010 0002 ffff
        > 0001 0000 0001 01
        > 0002 0000 0006 01 05 0003 0001
        > 0003 0000 0009 01 10 0028 0002 02 0001
        < 0004 0000 0006 01 03 03 000102
        < 0005 0000 0002 01 83
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=1 func=READ_HOLDING_REGISTERS pdu_type=REQ
            damaged: quantity at byte 10 is cut short by 1 bytes
            damaged: protocol at byte 2 holds 0x7, which is not allowed
            modbus @3 tid=1 unit=1 func=READ_HOLDING_REGISTERS pdu_type=REQ
            damaged: 2 bytes left over at byte 12
            damaged: function at byte 7 is cut short by 1 bytes
            modbus @5 tid=2 unit=1 func=WRITE_SINGLE_COIL pdu_type=REQ
            damaged: value at byte 10 holds 0x1, which is not allowed
            modbus @6 tid=3 unit=1 func=WRITE_MULTIPLE_REGISTERS pdu_type=REQ
            damaged: byte count at byte 12 holds 0x2, which is not allowed
            modbus @7 tid=4 unit=1 func=READ_HOLDING_REGISTERS pdu_type=RESP
            damaged: byte count at byte 8 holds 0x3, which is not allowed
            modbus @8 tid=5 unit=1 func=READ_HOLDING_REGISTERS_EXCEPTION pdu_type=RESP
            damaged: exception code at byte 8 is cut short by 1 bytes
            modbus_detailed @3 tid=1 unit=1 func=READ_HOLDING_REGISTERS address=16 quantity=2 matched=false | read no_answer holding_registers
        "#]],
    );
}

#[test]
fn a_flood_of_requests_is_written_as_it_overflows() {
    let flood = (0..OPEN_MAX + 3).map(|id| format!("{id:04x} 0000 0006 01 03 0000 0001"));
    assert_eq!(count("modbus_detailed", flood), OPEN_MAX + 3);
}

#[test]
fn whatever_a_function_carries_its_pdu_is_logged_once_and_its_request_is_told() {
    arbtest::arbtest(|u| {
        let mut requests = Vec::new();
        for id in 0..u.int_in_range(1..=8)? {
            let body: Vec<u8> = u.arbitrary_iter()?.take(200).collect::<Result<_, _>>()?;
            let (unit, function): (u8, u8) = u.arbitrary()?;
            let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
            requests.push(format!("{id:04x} 0000 {:04x} {unit:02x} {function:02x} {hex}", body.len() + 2));
        }
        assert_eq!(count("modbus", requests.iter().cloned()), requests.len());
        assert!(count("modbus_detailed", requests.iter().cloned()) <= requests.len());
        Ok(())
    });
}

#[test]
fn it_is_recognised_by_its_content() {
    let look = |from, hex: &str| (PROTOCOL.recognise)(&unhex(hex), from);
    assert_eq!(look(Side::Client, "0001 0000 0006 01 03 0010 0002"), Guess::Sure);
    assert_eq!(look(Side::Server, "0001 0000 0007 01 03 04 00ff 0100"), Guess::Sure);
    assert_eq!(look(Side::Client, "0001 0000 0004 00 5a 00 02"), Guess::Sure);
    assert_eq!(look(Side::Client, "0001 0000 0006 01 06 0007 1234"), Guess::Sure);
    assert_eq!(look(Side::Server, "0001 0000 0003 01 86 02"), Guess::Sure);
    assert_eq!(look(Side::Client, "0001 0000 0006 01 03 0010 0000"), Guess::Maybe);
    assert_eq!(look(Side::Client, "0001 0000 0002 01 63"), Guess::Maybe);
    assert_eq!(look(Side::Client, "0001 0000 0006 01 03"), Guess::NeedMore);
    assert_eq!(look(Side::Client, "0001 0000 0006 01 03 0010 0002 ffff"), Guess::Maybe);
}

#[test]
fn a_long_run_of_adus_takes_no_more_of_the_stack_than_a_short_one() {
    let look = || {
        let run = unhex("0001 0000 0003 01 86 02").repeat(100_000);
        assert_eq!((PROTOCOL.recognise)(&run, Side::Server), Guess::Sure);
    };
    std::thread::Builder::new().stack_size(256 * 1024).spawn(look).unwrap().join().unwrap();
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    let look = |bytes: &[u8]| (PROTOCOL.recognise)(bytes, Side::Client);
    assert_eq!(look(b"GET / HTTP/1.1\r\n\r\n"), Guess::No);
    assert_eq!(look(&[0; 64]), Guess::No);
    let no = |hex: &str| assert_eq!(look(&unhex(hex)), Guess::No, "{hex}");
    no("16 03 01 00c2 01 0000be 0303"); // TLS
    no("03 00 0013 0e e0 0000 0000 00 01 0008 0000 0000"); // TPKT
    no("001d 0000 0100 0001 0000 0000 0000 03777777 00 0001 0001"); // DNS over TCP with the identifier 0
    no("68 04 07 00 00 00"); // IEC 104
    no("6500 0400 00000000 00000000 0000000000000000 00000000 0100 0000"); // EtherNet/IP
    no("0564 05 c0 0100 0004 e9 21"); // DNP3
}

/// Counts the rows of one log.
struct Count(&'static str, usize);

impl Rows for Count {
    fn put(&mut self, _: &At<'_>, row: &dyn Record) {
        self.1 += usize::from(row.schema().log == self.0);
    }
}

/// Rows of `log` that a client's `requests` give.
fn count(log: &'static str, requests: impl Iterator<Item = String>) -> usize {
    let end = |last, port| Endpoint { addr: [10, 0, 0, last].into(), port };
    let talk = Conversation::new(Uid::from_hash(0), end(1, 40_000), end(2, 502), Transport::Tcp);
    let mut count = Count(log, 0);
    let mut session = (PROTOCOL.open)();
    for request in requests {
        let mut out = Out::new(&mut count, &talk, crate::Stamp::default(), "modbus");
        let _ = session.pdu(Side::Client, &unhex(&request), &mut out);
    }
    session.end(&mut Out::new(&mut count, &talk, crate::Stamp::default(), "modbus"));
    count.1
}
