#!/usr/bin/env python3
"""Takes what the fuzzer found into the repository: keep.py BUILD FOUND.

BUILD is the folder with the built targets, FOUND the one with what they found. Of each target's finds a few that together
reach all of the code are taken, and some of those are kept in fuzz/corpus/<target>. What holds a long piece of a capture
(FOUND/../seeds, see seeds.py) is left out.
"""

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent
COUNT_MAX, LONG, LENGTH_MAX, ALL_MAX = 36, 26, 2_000, 55_000
TARGETS = ["capture", "framing", "packet", "protocols", "reassembly"]
# A piece of a capture that long is not to be in the repository.
PIECE = 48


def merged(build, target, found, out):
    """The inputs that libFuzzer takes when it wants as few as reach everything, the shortest first."""
    subprocess.run(
        [f"{build}/{target}", "-set_cover_merge=1", f"-max_len={LENGTH_MAX}", out, found],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return sorted(pathlib.Path(out).iterdir(), key=lambda path: path.stat().st_size)


def pieces(folder):
    """All long pieces of the seeds."""
    seen = set()
    for path in folder.iterdir():
        data = path.read_bytes()
        seen.update(data[at : at + PIECE] for at in range(0, len(data) - PIECE + 1))
    return seen


def is_own(data, seen):
    """Whether nothing in it but zeros and the like comes from a capture."""
    windows = (data[at : at + PIECE] for at in range(0, len(data) - PIECE + 1))
    return not any(window in seen and len(set(window)) > 8 for window in windows)


def main(build, found):
    for target in TARGETS:
        folder = ROOT / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        seeds = pathlib.Path(found, "../seeds", target)
        seen = pieces(seeds) if seeds.is_dir() else set()
        with tempfile.TemporaryDirectory() as out:
            inputs = [path.read_bytes() for path in merged(build, target, f"{found}/{target}", out)]
        own = [data for data in inputs if is_own(data, seen)]
        # Long ones reach most; of the short ones, which reach something odd, some.
        longest, others = own[-LONG:], own[:-LONG]
        step = max(len(others) // (COUNT_MAX - LONG), 1)
        chosen = longest[::-1] + others[::step][: COUNT_MAX - LONG]
        for path in folder.iterdir():
            path.unlink()
        total = 0
        for number, data in enumerate(chosen):
            if total + len(data) <= ALL_MAX:
                (folder / f"{number:03}").write_bytes(data)
                total += len(data)
        print(f"{target:12} {len(inputs)} reach everything, {len(own)} are our own, {len(chosen)} kept, {total} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
