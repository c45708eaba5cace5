#!/usr/bin/env python3
"""The highest rate at which `tieline sense`, all logs on, loses no packet, beside `tcpdump -w /dev/null` under the same load.

    python3 benches/loss.py --tieline target/debug/tieline --blast target/debug/examples/blast FILE [--packets 3000000] [--workers 1]

Needs root: a veth pair between two network namespaces, the sender in one, the listener in the other, both on the same
processors. A rate holds when none of the packets is lost in two runs; rates are doubled, then halved into, down to
steps of 5 %. FILE must be an Ethernet capture; its packets are sent over and over.
"""
import argparse, json, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

A, B, VA, VB = "tl-sender", "tl-listener", "tlva", "tlvb"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def setup():
    teardown()
    ip("netns", "add", A), ip("netns", "add", B)
    ip("link", "add", VA, "netns", A, "mtu", "9000", "type", "veth", "peer", "name", VB, "netns", B, "mtu", "9000")
    for space, name in ((A, VA), (B, VB)):
        subprocess.run(["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"], check=True)
        ip("-n", space, "link", "set", name, "up")


def teardown():
    for space in (A, B):
        subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)


def sense(a, logs):
    command = [a.tieline, "sense", "-i", VB, "--workers", str(a.workers), "--zeek-dir", logs, "--json"]
    def told(out, err):
        told = json.loads(out)
        return told["packets"], told["lost"]
    return command, told


def tcpdump(a, _):
    # As much memory as the sensor's ring has.
    command = ["tcpdump", "-n", "-i", VB, "-B", "32768", "-w", "/dev/null"]
    def told(out, err):
        count = lambda what: int(re.search(rf"(\d+) packets? {what}", err)[1])
        return count("captured"), count("dropped by kernel")
    return command, told


def lost(a, listener, rate, packets):
    """(packets that the listener lost, rate that was sent)."""
    logs = tempfile.mkdtemp()
    command, told = listener(a, logs)
    process = subprocess.Popen(["ip", "netns", "exec", B, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    blast = ["ip", "netns", "exec", A, a.blast, VA, a.file, str(packets), str(rate)]
    sent, seconds = subprocess.run(blast, check=True, capture_output=True, text=True).stdout.split()
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    seen, dropped = told(out, err)
    shutil.rmtree(logs, ignore_errors=True)
    # What the kernel dropped before the ring, where the receiving side of the pair was full, counts as well.
    return max(int(sent) - seen, dropped, 0), int(sent) / float(seconds)


def holds(a, listener, rate):
    packets = int(min(a.packets, max(rate * 5, 200_000)))
    runs = [lost(a, listener, rate, packets) for _ in range(2)]
    print(f"    {rate:>9.0f}/s asked, {min(r for _, r in runs):>9.0f}/s sent: lost {[l for l, _ in runs]}", file=sys.stderr)
    # A rate that was not reached is none that held.
    return all(l == 0 for l, _ in runs), max(r for _, r in runs) >= rate * 0.93


def highest(a, listener):
    low, high = 0, 50_000
    while True:
        good, reached = holds(a, listener, high)
        if not good or not reached:
            break
        low, high = high, high * 2
    if good and not reached:
        return low, "as many as the sender sends"
    while high - low > low * 0.05:
        middle = (low + high) / 2
        good, reached = holds(a, listener, middle)
        low, high = (middle, high) if good and reached else (low, middle)
    return low, ""


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file")
    p.add_argument("--tieline", default="target/debug/tieline")
    p.add_argument("--blast", default="target/debug/examples/blast")
    p.add_argument("--packets", type=int, default=3_000_000)
    p.add_argument("--workers", type=int, default=1)
    a = p.parse_args()
    a.tieline, a.blast = os.path.abspath(a.tieline), os.path.abspath(a.blast)
    setup()
    try:
        for name, listener in (("tcpdump -w /dev/null", tcpdump), ("tieline sense", sense)):
            print(name, file=sys.stderr)
            rate, note = highest(a, listener)
            print(f"{name:24} {rate:>10.0f} packets/s without loss {note}")
    finally:
        teardown()


if __name__ == "__main__":
    main()
