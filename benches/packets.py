#!/usr/bin/env python3
"""What keeping packets costs, and how soon they are found again.

    cargo build -p packets --example packet_store
    python3 benches/packets.py keep FILE.pcap...                    # CPU to keep a capture, over `tcpdump -w` and `cat`
    python3 benches/packets.py find DIR --gb 20 FILE.pcap...        # a store of 20 GB in DIR (removed afterwards), and `tieline pcap`

`keep` runs the three in turn on the same file; the median of the pairwise ratios counts, because machines are noisy. Reading the
capture is part of each. `find` keeps the captures again and again with later times, reads the first of them into a lake, and asks by
uid, frame, host and time, each question first with the store out of the page cache, then once more.
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time


def cpu(command, out=subprocess.DEVNULL):
    """CPU seconds of a command, from the system's own accounting."""
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def packets(path):
    count = subprocess.run(["tcpdump", "-nr", path, "--count"], capture_output=True, text=True).stdout.split()
    return int(count[0]) if count else 0


def keep(a):
    print(f"{'file':20} {'packets':>9} {'cat':>7} {'tcpdump -w':>11} {'kept':>7} {'ns/packet':>10} {'over tcpdump':>13} {'over cat':>9}")
    for path in a.files:
        rounds = []
        for _ in range(a.runs + 1):
            with tempfile.TemporaryDirectory(dir=a.scratch) as place:
                with open(f"{place}/cat", "wb") as copy:
                    cat = cpu(["cat", path], copy)
                dump = cpu(["tcpdump", "-nr", path, "-w", f"{place}/dump"])
                os.remove(f"{place}/cat"), os.remove(f"{place}/dump")
                rounds.append((cat, dump, cpu([a.example, f"{place}/store", "0", path])))
        # The first round warms the page cache.
        rounds, count, median = rounds[1:], packets(path), statistics.median
        cat, dump, kept = (median(column) for column in zip(*rounds))
        print(f"{pathlib.Path(path).name:20} {count:9} {cat:7.2f} {dump:11.2f} {kept:7.2f} {kept / count * 1e9:10.0f} "
              f"{median(k / d for _, d, k in rounds):13.1f} {median(k / c for c, _, k in rounds):9.1f}")


def forget(folder):
    """Takes the files of a folder out of the page cache."""
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def ask(lake, tieline, sql):
    said = subprocess.run([tieline, "ask", "--lake", lake, "--format", "jsonl", sql], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in said.stdout.splitlines()]


def find(a):
    data = pathlib.Path(a.dir)
    store = data / "packets" / "eth1"
    store.mkdir(parents=True)
    try:
        print(subprocess.run([a.example, store, str(int(a.gb * 1e9)), *a.files], capture_output=True, text=True, check=True).stdout, end="")
        # The rows say that they came from eth1.
        os.symlink(os.path.abspath(a.files[0]), data / "eth1")
        subprocess.run([os.path.abspath(a.tieline), "read", "--quiet", "--json", "--lake", "lake", "eth1"],
                       cwd=data, stdout=subprocess.DEVNULL, check=False)
        questions(a, data)
    finally:
        shutil.rmtree(data)


def questions(a, data):
    lake = str(data / "lake")
    big = ask(lake, a.tieline, "SELECT uid, _number, id.orig_h AS host, orig_pkts + resp_pkts AS packets FROM conn "
                               "WHERE orig_pkts + resp_pkts BETWEEN 100 AND 5000 ORDER BY _number LIMIT 1")[0]
    rare = ask(lake, a.tieline, "SELECT id.orig_h AS host, count(*) AS n FROM conn GROUP BY id.orig_h ORDER BY n, host LIMIT 1")[0]
    first = ask(lake, a.tieline, "SELECT CAST(min(ts) AS BIGINT) / 1000000000 AS s FROM conn")[0]["s"]
    stamp = lambda s: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))
    asked = [
        ("--uid", big["uid"]), ("--frame", f"eth1:{big['_number']}", "--limit", "5000"),
        ("--host", rare["host"], "--limit", "100000"), ("--host", big["host"], "--limit", "100000"),
        ("--host", rare["host"], "--since", stamp(first + 1800), "--until", stamp(first + 1860)),
        ("--since", stamp(first + 1800), "--until", stamp(first + 1810)), ("--host", "192.0.2.99"),
    ]
    os.sync()
    for question in asked:
        took = []
        for cold in (True, True, False, False):
            if cold:
                forget(data)
            began = time.monotonic()
            run = subprocess.run([a.tieline, "pcap", *question, "--data", data, "-o", data / "out.pcap"], capture_output=True, text=True)
            took.append(time.monotonic() - began)
        said = run.stderr.strip().splitlines()[-1].split(" in ")[0]
        print(f"{' '.join(question):70} cold {max(took[:2]):6.3f} s   warm {max(took[2:]):6.3f} s   {said}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(required=True)
    k = commands.add_parser("keep")
    k.add_argument("files", nargs="+")
    k.add_argument("--runs", type=int, default=5)
    k.add_argument("--scratch", help="folder for what is written; the system's by default")
    k.set_defaults(run=keep)
    f = commands.add_parser("find")
    f.add_argument("dir", help="folder that is made, and removed afterwards")
    f.add_argument("files", nargs="+")
    f.add_argument("--gb", type=float, default=20)
    f.set_defaults(run=find)
    for command in (k, f):
        command.add_argument("--example", default="target/debug/examples/packet_store")
        command.add_argument("--tieline", default="target/debug/tieline")
    a = p.parse_args()
    a.run(a)


if __name__ == "__main__":
    main()
