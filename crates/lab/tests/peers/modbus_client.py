"""A stock Modbus client (pymodbus 3) against the controllers of the virtual site.

Arguments: HOST:PORT of the anti-surge controller and of the unit controller. Ends with 0 when everything was
answered as a controller should, and says what was not.
"""

import inspect
import sys
import time

from pymodbus.client import ModbusTcpClient

# Older versions say slave= where newer ones say device_id=.
UNIT = "device_id" if "device_id" in inspect.signature(ModbusTcpClient.read_coils).parameters else "slave"


def connect(address):
    host, port = address.rsplit(":", 1)
    client = ModbusTcpClient(host, port=int(port), timeout=10)
    assert client.connect(), address
    return client


def answered(call, *arguments, unit=1, **named):
    answer = call(*arguments, **{UNIT: unit}, **named)
    assert not answer.isError(), (call.__name__, arguments, answer)
    return answer


def refused(code, call, *arguments, **named):
    answer = call(*arguments, **{UNIT: 1}, **named)
    assert answer.isError() and answer.exception_code == code, (call.__name__, arguments, answer)


def until(what, holds):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(what)


def reading(asc):
    words = answered(asc.read_holding_registers, 100, count=10).registers
    suction, discharge, flow, speed = words[:4]
    assert 850 < suction < 950 and 1080 < discharge < 1180, words
    assert 1400 < flow < 1600 and 4100 < speed < 4300, words
    assert words[6] == 30 and words[7] == 1, words
    assert answered(asc.read_input_registers, 106, count=1).registers == [30]
    assert answered(asc.read_coils, 0, count=3).bits[:3] == [True, False, False]
    assert answered(asc.read_discrete_inputs, 0, count=1).bits[0]
    for unit in (0, 1, 255):
        answered(asc.read_holding_registers, 100, count=1, unit=unit)


def writing(asc):
    answered(asc.write_register, 106, 45)
    assert answered(asc.read_holding_registers, 106, count=1).registers == [45]
    answered(asc.write_registers, 300, [1, 2, 3])
    answered(asc.mask_write_register, address=300, and_mask=0xFFF0, or_mask=0x0005)
    both = answered(asc.readwrite_registers, read_address=300, read_count=3, write_address=302, values=[9])
    assert both.registers == [5, 2, 9], both.registers
    answered(asc.write_coil, 100, True)
    answered(asc.write_coils, 101, [True, False, True])
    assert answered(asc.read_coils, 100, count=4).bits[:4] == [True, True, False, True]
    answered(asc.write_register, 106, 30)


def refusing(asc):
    refused(2, asc.read_holding_registers, 5000, count=1)
    refused(2, asc.write_register, 5000, 1)
    refused(2, asc.read_coils, 511, count=2)
    refused(1, asc.diag_query_data, b"\x00\x00")


def identifying(asc):
    who = answered(asc.read_device_information).information
    assert who == {0: b"Schneider Electric", 1: b"BMX P34 2020", 2: b"V3.10"}, who


def moving(unit):
    answered(unit.write_registers, 208, [4260, 690])
    until("the speed follows", lambda: answered(unit.read_holding_registers, 203, count=1).registers[0] > 4245)
    until("the valve follows", lambda: answered(unit.read_holding_registers, 204, count=1).registers[0] < 693)


def main():
    asc, unit = connect(sys.argv[1]), connect(sys.argv[2])
    for step, client in ((reading, asc), (writing, asc), (refusing, asc), (identifying, asc), (moving, unit)):
        step(client)
        print(step.__name__, "fine")
    asc.close()
    unit.close()


main()
