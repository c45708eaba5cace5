// Where things are drawn: pure functions of what is shown, so that the same data gives the same picture.
import type { Conduit, Zone } from "./api";

/** Purdue levels from top to bottom. */
export const LEVELS = [5, 4, 3.5, 3, 2, 1, 0] as const;

/** Zones in one row of the map; the last place says how many more there are. */
const ROW_ZONES = 6;

/** Columns beside the map for conduits that skip a level; further ones share the last. */
const LANES = 6;

const MAP = { width: 800, row: 57, pad: 9, left: 92, gap: 16, lane: 12, label: 106 };

export interface Box {
  zone: Zone;
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Line {
  conduit: Conduit;
  path: string;
  /** Where its label, or its mark, stands. */
  x: number;
  y: number;
}

export interface PurdueMap {
  width: number;
  height: number;
  row: number;
  /** Levels from top to bottom; -1 stands for zones whose level is not known. */
  levels: number[];
  boxes: Box[];
  lines: Line[];
  folded: { x: number; y: number; more: number }[];
  /** Conduits between two zones, and how many of them have no line: one too many, or an end without a box. */
  conduits: number;
  undrawn: number;
}

/** Conduits in one picture; of more, the quiet ones are not drawn. */
const CONDUITS = 400;

const LOUD = { alarm: 0, blocked: 1, new: 2, seen: 3 } as const;

/** Rows are levels, places follow from the zones' identifiers. */
export function purdue(zones: Zone[], known: Conduit[]): PurdueMap {
  const all = known.filter((c) => c.from !== c.to);
  const conduits = [...all].sort((a, b) => LOUD[a.state] - LOUD[b.state]).slice(0, CONDUITS);
  const skips = conduits.filter((c) => skipsRow(zones, c)).length;
  const right = MAP.width - MAP.label - Math.min(skips, LANES) * MAP.lane;
  const boxes: Box[] = [];
  const folded: PurdueMap["folded"] = [];
  const levels = zones.some((z) => z.level < 0) ? [...LEVELS, -1] : [...LEVELS];
  levels.forEach((_, row) => {
    const here = zones.filter((z) => rowOf(z.level) === row).sort((a, b) => (a.id < b.id ? -1 : 1));
    const places = Math.min(here.length, ROW_ZONES);
    const w = (right - MAP.left - (places - 1) * MAP.gap) / Math.max(places, 1);
    const y = row * MAP.row + MAP.pad;
    here.slice(0, here.length > ROW_ZONES ? ROW_ZONES - 1 : ROW_ZONES).forEach((zone, n) => {
      boxes.push({ zone, x: MAP.left + n * (w + MAP.gap), y, w, h: MAP.row - 2 * MAP.pad });
    });
    if (here.length > ROW_ZONES) folded.push({ x: right - w, y: y + 18, more: here.length - ROW_ZONES + 1 });
  });
  const lines = routes(boxes, conduits, right);
  const undrawn = all.length - lines.length;
  return { width: MAP.width, height: levels.length * MAP.row, row: MAP.row, levels, boxes, lines, folded, conduits: all.length, undrawn };
}

/** The row of a level; of the nearest one, for a level between; below all others when it is not known. */
function rowOf(level: number): number {
  if (level < 0) return LEVELS.length;
  const far = LEVELS.map((l) => Math.abs(l - level));
  return far.indexOf(Math.min(...far));
}

function skipsRow(zones: Zone[], c: Conduit): boolean {
  const [a, b] = [c.from, c.to].map((id) => zones.find((z) => z.id === id));
  return a !== undefined && b !== undefined && Math.abs(rowOf(a.level) - rowOf(b.level)) > 1;
}

/** A conduit between two boxes that are drawn. */
interface Pair {
  conduit: Conduit;
  a: Box;
  b: Box;
}

function routes(boxes: Box[], conduits: Conduit[], right: number): Line[] {
  const box = new Map(boxes.map((b) => [b.zone.id, b]));
  const pairs = conduits
    .flatMap((conduit): Pair[] => {
      const [a, b] = [box.get(conduit.from), box.get(conduit.to)];
      return a && b && a !== b ? [{ conduit, a, b }] : [];
    })
    .sort((p, q) => (key(p) < key(q) ? -1 : 1));
  const rows = (p: Pair) => Math.abs(rowOf(p.a.zone.level) - rowOf(p.b.zone.level));
  return [
    ...pairs.filter((p) => rows(p) === 0).map(beside),
    ...between(pairs.filter((p) => rows(p) === 1)),
    ...around(pairs.filter((p) => rows(p) > 1), right),
  ];
}

const key = (p: Pair) => `${p.conduit.from} ${p.conduit.to}`;
const middle = (b: Box) => b.y + b.h / 2;

/** Neighbours on one level are joined through the gap between them, others below the row. */
function beside({ conduit, a, b }: Pair): Line {
  const [l, r] = a.x < b.x ? [a, b] : [b, a];
  const [from, to] = [l.x + l.w, r.x];
  if (to - from <= MAP.gap + 1) {
    const path = a === l ? `M${from},${middle(a)}H${to}` : `M${to},${middle(a)}H${from}`;
    return { conduit, path, x: from + 2, y: middle(a) - 5 };
  }
  const below = a.y + a.h + MAP.pad;
  const path = `M${a.x + a.w / 2},${a.y + a.h}V${below}H${b.x + b.w / 2}V${b.y + b.h}`;
  return { conduit, path, x: (from + to) / 2, y: below - 3 };
}

/** From row to row: straight where the boxes overlap, each line at its own place, else with a step between the rows. */
function between(pairs: Pair[]): Line[] {
  return pairs.map(({ conduit, a, b }) => {
    const [top, bottom] = a.y < b.y ? [a, b] : [b, a];
    const same = pairs.filter((p) => Math.min(p.a.y, p.b.y) === top.y && p.a.y !== p.b.y);
    const place = (same.findIndex((p) => p.conduit === conduit) + 1) / (same.length + 1);
    const [lo, hi] = [Math.max(top.x, bottom.x), Math.min(top.x + top.w, bottom.x + bottom.w)];
    const x = hi > lo ? [lo + (hi - lo) * place, lo + (hi - lo) * place] : [top, bottom].map((o) => o.x + o.w * place);
    const [x1, x2] = [x[0] ?? 0, x[1] ?? 0];
    const step = (top.y + top.h + bottom.y) / 2;
    const path =
      a === top
        ? `M${x1},${top.y + top.h}${x1 === x2 ? "" : `V${step}H${x2}`}V${bottom.y}`
        : `M${x2},${bottom.y}${x1 === x2 ? "" : `V${step}H${x1}`}V${top.y + top.h}`;
    return { conduit, path, x: x2 + 6, y: step + 4 };
  });
}

/** Around the rows between, in a lane on the right; short ones inside, long ones outside. */
function around(pairs: Pair[], right: number): Line[] {
  const length = (p: Pair) => Math.abs(p.a.y - p.b.y);
  const inside = [...pairs].sort((p, q) => length(p) - length(q) || (key(p) < key(q) ? -1 : 1));
  const ends = inside.flatMap((p) => [p.a, p.b]);
  const used = new Map<Box, number>();
  /** Each line leaves a box at its own height, or at its own place above or below when a neighbour is in the way. */
  const leave = (o: Box, towards: Box) => {
    const n = (used.get(o) ?? 0) + 1;
    used.set(o, n);
    const all = ends.filter((e) => e === o).length;
    if (o.x + o.w > right - 1) return { x: o.x + o.w, y: o.y + (o.h * n) / (all + 1), out: "" };
    const down = towards.y > o.y;
    const x = o.x + o.w - 8 * n;
    return { x, y: down ? o.y + o.h : o.y, out: `V${down ? o.y + o.h + MAP.pad : o.y - MAP.pad}` };
  };
  return inside.map(({ conduit, a, b }, n) => {
    const lane = right + 14 + Math.min(n, LANES - 1) * MAP.lane;
    const [from, to] = [leave(a, b), leave(b, a)];
    const back = to.out ? `${to.out}H${to.x}V${to.y}` : `V${to.y}H${to.x}`;
    return { conduit, path: `M${from.x},${from.y}${from.out}H${lane}${back}`, x: lane + 6, y: (from.y + to.y) / 2 + 4 };
  });
}

/** A scale from `[from, to]` to `[a, b]`. */
export function scale(from: number, to: number, a: number, b: number): (v: number) => number {
  const size = to - from || 1;
  return (v) => a + ((v - from) / size) * (b - a);
}

/** Round moments between `from` and `to`, about `want` of them. */
export function ticks(from: number, to: number, want: number): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400].map((s) => s * 1000);
  const step = steps.find((s) => (to - from) / s <= want) ?? 86_400_000 * Math.ceil((to - from) / 86_400_000 / want);
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, n) => first + n * step);
}

/** `points` as a polyline, two decimals. */
export function polyline(points: [number, number][], x: (v: number) => number, y: (v: number) => number): string {
  return points.map(([at, v]) => `${x(at).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
}

/** Pushes marks of one lane apart so that none covers another; order and, where there is room, places are kept. */
export function apart(xs: number[], least: number, right: number): number[] {
  const out = [...xs];
  for (let i = 1; i < out.length; i++) out[i] = Math.max(out[i]!, out[i - 1]! + least);
  for (let i = out.length - 1, edge = right; i >= 0; i--) {
    out[i] = Math.min(out[i]!, edge);
    edge = out[i]! - least;
  }
  return out;
}

export interface Label {
  x: number;
  y: number;
  anchor: "start" | "end";
}

/** Places a label beside each mark, right or left, above or below, where it covers no mark and no other label. */
export function labels(marks: { x: number; y: number; text: string }[], left: number, right: number): (Label | undefined)[] {
  const taken = marks.map((m) => ({ x1: m.x - 10, x2: m.x + 10, y1: m.y - 9, y2: m.y + 9 }));
  return marks.map((m) => {
    const w = m.text.length * 6.6;
    for (const [dx, dy] of [[5, -12], [-5, -12], [5, 21], [-5, 21], [14, 4], [-14, 4]] as const) {
      const x = m.x + dx;
      const at = { x1: dx > 0 ? x : x - w, x2: dx > 0 ? x + w : x, y1: m.y + dy - 10, y2: m.y + dy + 3 };
      const free = taken.every((o) => o.x2 < at.x1 || o.x1 > at.x2 || o.y2 < at.y1 || o.y1 > at.y2);
      if (free && at.x1 >= left && at.x2 <= right) {
        taken.push(at);
        return { x, y: m.y + dy, anchor: dx > 0 ? "start" : "end" };
      }
    }
    return undefined;
  });
}

/** `text` in at most `most` lines of `letters`, broken between words; what does not fit ends in an ellipsis. */
export function wrap(text: string, letters: number, most: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const shown = lines.slice(0, most);
  if (lines.length > most) shown[most - 1] += "…";
  return shown.map((line) => (line.length > letters ? `${line.slice(0, letters - 1)}…` : line));
}
