#!/usr/bin/env python3
"""Draws what a command printed as a picture: `tieline read DIR | python3 docs/picture.py FROM > docs/story.svg`.

FROM is the beginning of the first line to be drawn; everything from there on is drawn.
"""
import sys
from xml.sax.saxutils import escape

WIDTH = 128
COLOURS = [("  CRITICAL", "#ff7b72"), ("          joined", "#79c0ff"), ("          evidence", "#8b949e"), ("    ATT&CK", "#d2a8ff"),
           ("    For the plant", "#ffa657"), ("      ", "#ffa657")]


def main():
    wanted, lines = sys.argv[1], sys.stdin.read().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(wanted))
    lines = [line[:WIDTH - 1] + "…" if len(line) > WIDTH else line for line in lines[start:]]
    height = 18 * len(lines) + 32
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1010 {height}" font-family="ui-monospace, DejaVu Sans Mono, monospace" font-size="12.5">')
    print(f'<rect width="1010" height="{height}" rx="8" fill="#0d1117"/>')
    for number, line in enumerate(lines):
        colour = next((colour for begin, colour in COLOURS if line.startswith(begin)), "#e6edf3")
        print(f'<text x="16" y="{30 + 18 * number}" fill="{colour}" xml:space="preserve">{escape(line)}</text>')
    print("</svg>")


main()
