#!/usr/bin/env python3
"""How long after the STOP frame the console shows the alarm, and what an idle centre takes of memory.

usage: benches/live.py --tieline PATH [--runs N]

The demonstration runs at the speed of the clock, so that the time in a frame is the time of day. A reader of the
live stream fetches the overview at every event, as the browser does.
"""
import argparse
import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

# A point on P-256: the base point (SEC 2, 2.4.2), good enough to log in with and never signed with here.
KEY = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def request(address, method, path, cookie="", body=None):
    link = http.client.HTTPConnection(address, timeout=60)
    headers = {"Origin": f"http://{address}", "Cookie": cookie, "Content-Type": "application/json"}
    link.request(method, path, json.dumps(body) if body is not None else None, headers)
    return link, link.getresponse()


def login(link):
    url, token = link.split("#")
    address = url.split("/")[2]
    _, answer = request(address, "POST", "/api/login", body={"token": token, "key": base64.b64encode(KEY).decode()})
    if answer.status >= 300:
        sys.exit(f"cannot log in: {answer.status} {answer.read()}")
    return address, answer.headers["Set-Cookie"].split(";")[0]


def alarm_delay(tieline):
    """Seconds from the STOP frame to the overview that shows it."""
    demo = subprocess.Popen([tieline, "demo", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        console = next(line for line in map(json.loads, demo.stdout) if line["type"] == "console")
        threading.Thread(target=lambda: [None for _ in demo.stdout], daemon=True).start()
        address, cookie = login(console["logins"]["m.ito"])
        _, stream = request(address, "GET", "/api/live", cookie)
        while line := stream.readline():
            if not line.startswith(b"data:"):
                continue
            _, answer = request(address, "GET", "/api/overview", cookie)
            seen = time.time()
            for alarm in json.load(answer)["alarms"]:
                if alarm["whom"] == "plc-asc-1" and alarm["priority"] == 1:
                    return seen - alarm["evidence"]["time"] / 1000
        sys.exit("the stream ended before the alarm")
    finally:
        demo.terminate()
        demo.wait()


def idle_memory(tieline):
    """Resident memory of an idle centre, in megabytes, after ten seconds."""
    with tempfile.TemporaryDirectory() as place:
        config = os.path.join(place, "tieline.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'data = "{place}/data"\nconsole.listen = "127.0.0.1:8479"\n[[folder]]\npath = "{place}"\n')
        serve = subprocess.Popen([tieline, "serve", "--config", config], stderr=subprocess.DEVNULL)
        try:
            time.sleep(10)
            with open(f"/proc/{serve.pid}/status", encoding="utf-8") as status:
                line = next(line for line in status if line.startswith("VmRSS"))
            return int(line.split()[1]) / 1000
        finally:
            serve.terminate()
            serve.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tieline", required=True)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    delays = sorted(alarm_delay(args.tieline) for _ in range(args.runs))
    shown = ", ".join(f"{delay:.2f}" for delay in delays)
    print(f"alarm in the console after the STOP frame: {shown} s (at most 2 s are allowed)")
    print(f"memory of an idle centre: {idle_memory(args.tieline):.0f} MB (at most 150 MB are allowed)")


if __name__ == "__main__":
    main()
