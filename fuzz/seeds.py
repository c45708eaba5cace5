#!/usr/bin/env python3
"""Makes inputs to begin with from real captures: seeds.py CAPTURES OUT.

Reads pcap and pcapng files under CAPTURES and writes inputs of each target into OUT/<target>. How an input is laid out
is told at the targets in crates/hostile/src. They are made when they are needed and belong to nobody's repository.
"""

import pathlib
import random
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINKS = [1, 101, 113, 276, 0, 9, 10, 12, 14, 50, 105, 108, 127, 228, 229, 239, 2, 999]
FILE_MAX = 2_000_000
INPUT_MAX = 8_000
# Captures of one folder are much alike.
FOLDER_MAX = 60


def packets(data):
    """Time in ns, link, length on the wire and bytes of each packet."""
    magic = data[:4]
    if magic in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"):
        order = "<" if magic[0] in (0xD4, 0x4D) else ">"
        unit = 1 if b"\x3c" in magic else 1000
        link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
        at = 24
        while at + 16 <= len(data):
            seconds, fraction, kept, wire = struct.unpack_from(order + "IIII", data, at)
            at += 16
            yield seconds * 10**9 + fraction * unit, link, wire, data[at : at + kept]
            at += kept
    elif magic == b"\x0a\x0d\x0d\x0a":
        order, links, at = "<", [], 0
        while at + 12 <= len(data):
            if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
                order = "<" if data[at + 8] == 0x4D else ">"
                links = []
            kind, length = struct.unpack_from(order + "II", data, at)
            body = data[at + 8 : at + length - 4]
            if kind == 1:
                links.append(struct.unpack_from(order + "H", body)[0])
            elif kind == 6 and len(body) >= 20:
                interface, high, low, kept, wire = struct.unpack_from(order + "IIIII", body)
                if interface < len(links):
                    yield (high << 32 | low) * 1000, links[interface], wire, body[20 : 20 + kept]
            if length < 12:
                return
            at += length


def step(ns):
    """A difference of times as two bytes."""
    sign, length, exponent = (0x8000 if ns < 0 else 0), abs(ns), 0
    while length > 0x3FF and exponent < 31:
        length, exponent = length >> 1, exponent + 1
    return sign | exponent << 10 | min(length, 0x3FF)


def frames(found, compared):
    if not found or found[0][1] not in LINKS:
        return None
    out, last = bytearray([LINKS.index(found[0][1]), 0, compared]), found[0][0]
    for time, _, wire, data in found:
        data = data[:0xFFFF]
        left_out = min(max(wire - len(data), 0), 255)
        frame = struct.pack(">HBH", step(time - last), left_out, len(data)) + data
        if len(out) + len(frame) > INPUT_MAX:
            break
        out, last = out + frame, time
    return bytes(out) if len(out) > 3 else None


def talks(found):
    """Payloads over TCP and UDP by conversation: transport, ports, list of (is the client's, payload)."""
    by = {}
    for _, link, _, data in found:
        ip = data[14:] if link == 1 and data[12:14] == b"\x08\x00" else data if link == 101 else b""
        if len(ip) < 28 or ip[0] >> 4 != 4 or ip[9] not in (6, 17):
            continue
        head = ip[(ip[0] & 15) * 4 : struct.unpack_from(">H", ip, 2)[0]]
        if len(head) < 20 and ip[9] == 6 or len(head) < 8:
            continue
        source, destination = struct.unpack_from(">HH", head)
        payload = head[(head[12] >> 4) * 4 :] if ip[9] == 6 else head[8:]
        ends = sorted([(ip[12:16], source), (ip[16:20], destination)])
        client = source > destination
        if payload:
            key = (ip[9], ends[0], ends[1])
            by.setdefault(key, (ip[9], min(source, destination), []))[2].append((client, payload))
    return by.values()


def listed():
    """Protocols in the order of the table, with their ports."""
    text = (ROOT / "crates/protocols/src/lib.rs").read_text()
    names = re.findall(r"^    (\w+),", text.split("\nprotocols! {")[1].split("}")[0], re.M)
    for name in names:
        source = (ROOT / f"crates/protocols/src/{name}.rs").read_text()
        head = source.split("pub static PROTOCOL")[1].split("};")[0]
        consts = dict(re.findall(r"const (\w+): u16 = (\d+);", source))
        ports = lambda text: [int(consts.get(port, port)) for port in re.findall(r"\w+", text) if consts.get(port, port).isdigit()]
        tcp = re.search(r"tcp: Some.*?ports: &\[(.*?)\]", head, re.S)
        udp = re.search(r"udp: &\[(.*?)\]", head)
        yield name, ports(tcp[1]) if tcp else None, ports(udp[1]) if udp else []


def conversation(talk, table):
    """The conversation as an input of `protocols` and of `framing`, where its port is known."""
    transport, port, said = talk
    streams = [name for name, tcp, _ in table if tcp]
    for place, (name, tcp, udp) in enumerate(table):
        if transport == 6 and port in (tcp or []) or transport == 17 and port in udp:
            of = (udp if transport == 17 else tcp).index(port)
            alone = bytearray([place, (transport == 6) | of << 1])
            for client, payload in said:
                payload = payload[:0xFFF]
                if len(alone) + len(payload) > INPUT_MAX:
                    break
                alone += struct.pack(">H", (0 if client else 0x8000) | len(payload)) + payload
            yield "protocols", bytes(alone)
            if transport == 6:
                whole = bytearray([streams.index(name)])
                for client, payload in said[:60]:
                    if len(whole) + len(payload) > INPUT_MAX:
                        break
                    whole += struct.pack(">H", (0 if client else 0x8000) | len(payload)) + payload
                yield "framing", bytes(whole) + b"\0\0" + bytes(range(1, 250, 3))


def main(captures, out):
    table, made, folders = list(listed()), {}, {}

    def write(target, data):
        made[target] = made.get(target, 0) + 1
        folder = pathlib.Path(out, target)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"seed-{made[target]:05}").write_bytes(data)

    for path in sorted(pathlib.Path(captures).rglob("*")):
        if not path.is_file() or path.stat().st_size > FILE_MAX:
            continue
        folders[path.parent] = folders.get(path.parent, 0) + 1
        if folders[path.parent] > FOLDER_MAX:
            continue
        data = path.read_bytes()
        try:
            found = list(packets(data))
        except struct.error:
            found = []
        if len(data) < INPUT_MAX:
            write("capture", data)
        played = frames(found, made.get("packet", 0) % 4) if found else None
        if played:
            write("packet", played)
        for talk in list(talks(found))[:8]:
            for target, data in conversation(talk, table):
                write(target, data)
    rng = random.Random(1)
    for length in range(16, 800, 13):
        write("reassembly", rng.randbytes(length))
    for target, count in sorted(made.items()):
        print(f"{target:12} {count} inputs")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
