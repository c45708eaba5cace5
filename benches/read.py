#!/usr/bin/env python3
"""What `tieline read` costs, in CPU seconds over those of `tcpdump -r FILE -w /dev/null` on the same file in the same run.

    python3 benches/read.py --tieline target/release/tieline FILE.pcap...  [--runs 5] [--no-logs]

Both programs run in turn; the median of the pairwise ratios counts, because machines are noisy. Logs are written (Zeek TSV).
Prints per file: packets, CPU seconds, ratio, packets per second, peak memory.
"""
import argparse, os, pathlib, shutil, statistics, subprocess, sys, tempfile


def run(command):
    """(CPU seconds, peak memory in MB, what was written to stderr) of a command, from the system's own accounting."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit {process.returncode}\n{said}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said


def packets(path):
    count = subprocess.run(["tcpdump", "-nr", path, "--count"], capture_output=True, text=True).stdout.split()
    return int(count[0]) if count else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+")
    p.add_argument("--tieline", default="target/release/tieline")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--no-logs", action="store_true", help="leave --zeek-dir out")
    a = p.parse_args()
    if not shutil.which("tcpdump"):
        sys.exit("tcpdump is missing: apt install tcpdump")
    print(f"{'file':24} {'packets':>10} {'tcpdump CPU s':>14} {'tieline CPU s':>14} {'ratio':>7} {'packets/CPU s':>14} {'peak MB':>8}")
    for path in a.files:
        ours, theirs, ratios, peak = [], [], [], 0.0
        for _ in range(a.runs + 1):
            with tempfile.TemporaryDirectory() as logs:
                t = run(["tcpdump", "-nr", path, "-w", "/dev/null"])[0]
                command = [a.tieline, "read", "--quiet", "--json", path] + ([] if a.no_logs else ["--zeek-dir", logs])
                o, memory, _ = run(command)
            ours.append(o), theirs.append(t), ratios.append(o / max(t, 1e-6))
            peak = max(peak, memory)
        # The first run of each warms the page cache.
        ours, theirs, ratios = ours[1:], theirs[1:], ratios[1:]
        count = packets(path)
        median = statistics.median
        print(f"{pathlib.Path(path).name:24} {count:10} {median(theirs):14.3f} {median(ours):14.3f} {median(ratios):7.1f} "
              f"{count / median(ours):14.0f} {peak:8.0f}   (ratio {min(ratios):.1f} to {max(ratios):.1f}, {a.runs} runs)")


if __name__ == "__main__":
    main()
