#!/usr/bin/env python3
"""What each stage of the sensor costs per packet, in nanoseconds of CPU and over `tcpdump -r FILE -w /dev/null`.

    cargo build -p sensor --example stages
    python3 benches/stages.py --stages target/debug/examples/stages --tieline target/debug/tieline FILE... [--runs 7]

Every stage does what the one before does and more; the lowest of the runs counts, since what else a machine does only
adds. The last is `tieline read` with inventory, rules and chains.
"""
import argparse, os, pathlib, shutil, subprocess, tempfile


def cpu(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+")
    p.add_argument("--stages", default="target/debug/examples/stages")
    p.add_argument("--tieline", default="target/debug/tieline")
    p.add_argument("--runs", type=int, default=7)
    a = p.parse_args()
    for path in a.files:
        count = int(subprocess.run(["tcpdump", "-nr", path, "--count"], capture_output=True, text=True).stdout.split()[0])
        logs = tempfile.mkdtemp()
        commands = {"tcpdump": ["tcpdump", "-nr", path, "-w", "/dev/null"]}
        commands |= {stage: [a.stages, stage, path, logs] for stage in ("read", "headers", "follow", "write")}
        commands["tieline read"] = [a.tieline, "read", "--quiet", "--json", path, "--zeek-dir", logs]
        best = {name: float("inf") for name in commands}
        for _ in range(a.runs):
            for name, command in commands.items():
                shutil.rmtree(logs, ignore_errors=True)
                best[name] = min(best[name], cpu(command))
        shutil.rmtree(logs, ignore_errors=True)
        print(f"{pathlib.Path(path).name}, {count} packets")
        before = 0.0
        for name, seconds in best.items():
            more = "" if name == "tcpdump" else f"{(seconds - before) * 1e9 / count:>10.0f} more"
            before = 0.0 if name == "tcpdump" else seconds
            print(f"  {name:14} {seconds * 1e9 / count:>8.0f} ns/packet {seconds / best['tcpdump']:>7.2f} x {more}")


if __name__ == "__main__":
    main()
