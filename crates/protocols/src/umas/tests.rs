//! Conversations of UMAS and their logs.

use crate::modbus::PROTOCOL;
use crate::testing::check;
use expect_test::expect;

#[test]
fn a_stop_under_a_reservation_is_an_accepted_stop() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 000f 00 5a 00 10 01000000 06 484953543031
        < 0001 0000 0005 00 5a 00 fe 7c
        > 0002 0000 0006 00 5a 7c 41 ff00
        < 0002 0000 0004 00 5a 7c fe
        > 0003 0000 0006 00 5a 01 40 ff00
        < 0003 0000 0006 00 5a 01 fd 8380
        > 0004 0000 0006 00 5a 01 40 ff00
        < 0004 0000 0003 00 da 01
        > 0005 0000 0004 00 5a 7c 11
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @1 tid=1 unit=0 func=PROGRAM_UNITY
            modbus @2 tid=1 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @1 tid=1 unit=0 session=0 function_code=16 func=TAKE_PLC_RESERVATION signed=false matched=true status=ok granted=124 reserved_by=HIST01 | auth accepted reservation
            modbus_detailed @2 tid=1 unit=0 func=PROGRAM_UNITY
            modbus @3 tid=2 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @3 tid=2 unit=0 func=PROGRAM_UNITY
            modbus @4 tid=2 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @3 tid=2 unit=0 session=124 function_code=65 func=STOP_PLC signed=false matched=true status=ok | stop accepted plc
            modbus_detailed @4 tid=2 unit=0 func=PROGRAM_UNITY
            modbus @5 tid=3 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @5 tid=3 unit=0 func=PROGRAM_UNITY
            modbus @6 tid=3 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @5 tid=3 unit=0 session=1 function_code=64 func=START_PLC signed=false matched=true status=error error_code=0x8380 | start rejected plc
            modbus_detailed @6 tid=3 unit=0 func=PROGRAM_UNITY
            modbus @7 tid=4 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @7 tid=4 unit=0 func=PROGRAM_UNITY
            modbus @8 tid=4 unit=0 func=PROGRAM_UNITY_EXCEPTION pdu_type=RESP exception=ILLEGAL_FUNCTION
            modbus_umas @7 tid=4 unit=0 session=1 function_code=64 func=START_PLC signed=false matched=true status=exception error_code=1 | start rejected plc
            modbus_detailed @8 tid=4 unit=0 func=PROGRAM_UNITY_EXCEPTION exception_code=ILLEGAL_FUNCTION
            modbus @9 tid=5 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @9 tid=5 unit=0 func=PROGRAM_UNITY
            modbus_umas @9 tid=5 unit=0 session=124 function_code=17 func=RELEASE_PLC_RESERVATION signed=false matched=false | auth no_answer reservation
        "#]],
    );
}

#[test]
fn a_signed_request_is_named_by_what_it_signs() {
    let mark = "01 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    check(
        &PROTOCOL,
        &format!(
            "
            > 0001 0000 002a 00 5a 7c 38 {mark} 5a 7c 41 ff00
            < 0001 0000 0028 00 5a 7c fe {mark} 5a 7c fe
            "
        ),
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @1 tid=1 unit=0 func=PROGRAM_UNITY
            modbus @2 tid=1 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @1 tid=1 unit=0 session=124 function_code=65 func=STOP_PLC signed=true matched=true status=ok | stop accepted plc
            modbus_detailed @2 tid=1 unit=0 func=PROGRAM_UNITY
        "#]],
    );
}

#[test]
fn a_controller_tells_its_model_firmware_project_and_card() {
    let times = "00".repeat(34);
    check(
        &PROTOCOL,
        &format!(
            "
            > 0001 0000 0004 00 5a 00 02
            < 0001 0000 0022 00 5a 00 fe 0630 01030000 0000 9002 000002000601030100000000 07 424d585f313233
            > 0002 0000 0005 00 5a 00 03 00
            < 0002 0000 0031 00 5a 00 fe {times} 08000000 06 53757267 6500
            > 0003 0000 0005 00 5a 00 06 06
            < 0003 0000 000f 00 5a 00 fe 01000101a100 04 43415244
            "
        ),
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @1 tid=1 unit=0 func=PROGRAM_UNITY
            modbus @2 tid=1 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @1 tid=1 unit=0 session=0 function_code=2 func=READ_ID signed=false matched=true status=ok model=BMX_123 hardware_id=769 firmware=2.90 | identify accepted 
            identity @2 host=10.0.0.2 trait=vendor value=Schneider Electric protocol=modbus
            identity @2 host=10.0.0.2 trait=model value=BMX_123 protocol=modbus
            identity @2 host=10.0.0.2 trait=firmware value=2.90 protocol=modbus
            modbus_detailed @2 tid=1 unit=0 func=PROGRAM_UNITY
            modbus @3 tid=2 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @3 tid=2 unit=0 func=PROGRAM_UNITY
            modbus @4 tid=2 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @3 tid=2 unit=0 session=0 function_code=3 func=READ_PROJECT_INFO signed=false matched=true status=ok project=Surge project_version=0.0.8 | identify accepted 
            modbus_detailed @4 tid=2 unit=0 func=PROGRAM_UNITY
            modbus @5 tid=3 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @5 tid=3 unit=0 func=PROGRAM_UNITY
            modbus @6 tid=3 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @5 tid=3 unit=0 session=0 function_code=6 func=READ_CARD_INFO signed=false matched=true status=ok memory_card=CARD | identify accepted 
            modbus_detailed @6 tid=3 unit=0 func=PROGRAM_UNITY
        "#]],
    );
}

#[test]
fn blocks_of_programs_and_memory_are_named() {
    check(
        &PROTOCOL,
        "
        > 0001 0000 000d 00 5a 00 20 00 1300 6400 0000 9c00
        < 0001 0000 0007 00 5a 00 fe 00 9c00
        > 0002 0000 0006 00 5a 7c 30 0001
        < 0002 0000 0004 00 5a 7c fe
        > 0003 0000 000c 00 5a 7c 31 0001 0300 0200 aabb
        < 0003 0000 0004 00 5a 7c fe
        > 0004 0000 0008 00 5a 7c 34 0001 0500
        > 0005 0000 0012 00 5a 7c 23 11223344 01 02 1500 2000 0000 0700
        < 0005 0000 0004 00 5a 7c fe
        < 0009 0000 0004 00 5a 00 fe
        > 000a 0000 0003 00 5a 00
        ",
        expect![[r#"
            known_modbus @1 host=10.0.0.1 device_type=Known::MODBUS_MASTER
            known_modbus @1 host=10.0.0.2 device_type=Known::MODBUS_SLAVE
            modbus @1 tid=1 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @1 tid=1 unit=0 func=PROGRAM_UNITY
            modbus @2 tid=1 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @1 tid=1 unit=0 session=0 function_code=32 func=READ_MEMORY_BLOCK signed=false matched=true status=ok block=19 address=100 size=156 | read accepted memory_block 19/100
            modbus_detailed @2 tid=1 unit=0 func=PROGRAM_UNITY
            modbus @3 tid=2 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @3 tid=2 unit=0 func=PROGRAM_UNITY
            modbus @4 tid=2 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @3 tid=2 unit=0 session=124 function_code=48 func=INITIALIZE_UPLOAD signed=false matched=true status=ok | program_download accepted program
            modbus_detailed @4 tid=2 unit=0 func=PROGRAM_UNITY
            modbus @5 tid=3 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @5 tid=3 unit=0 func=PROGRAM_UNITY
            modbus @6 tid=3 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @5 tid=3 unit=0 session=124 function_code=49 func=UPLOAD_BLOCK signed=false matched=true status=ok block=3 size=2 | program_download accepted program_block 3
            modbus_detailed @6 tid=3 unit=0 func=PROGRAM_UNITY
            modbus @7 tid=4 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @7 tid=4 unit=0 func=PROGRAM_UNITY
            modbus @8 tid=5 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @8 tid=5 unit=0 func=PROGRAM_UNITY
            modbus @9 tid=5 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @8 tid=5 unit=0 session=124 function_code=35 func=WRITE_VARIABLES signed=false matched=true status=ok block=21 address=32 quantity=1 | write accepted variable 21/32
            modbus_detailed @9 tid=5 unit=0 func=PROGRAM_UNITY
            modbus @10 tid=9 unit=0 func=PROGRAM_UNITY pdu_type=RESP
            modbus_umas @10 tid=9 unit=0 session=0 signed=false matched=false status=ok
            modbus_detailed @10 tid=9 unit=0 func=PROGRAM_UNITY
            modbus @11 tid=10 unit=0 func=PROGRAM_UNITY pdu_type=REQ
            modbus_detailed @11 tid=10 unit=0 func=PROGRAM_UNITY
            modbus_umas @7 tid=4 unit=0 session=124 function_code=52 func=DOWNLOAD_BLOCK signed=false matched=false block=5 | program_upload no_answer program_block 5
            modbus_umas @11 tid=10 unit=0 signed=false matched=false
        "#]],
    );
}
