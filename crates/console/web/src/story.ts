// What an incident's story consists of: the steps of the attack, and below them what the process did.
import type { Effect, Incident, Step } from "./api";

/** Effects in one story; what came later is counted. */
const EFFECTS = 100;

/** An entry of the story, by its name in the address. */
export type Entry = { key: string; step: Step; effect?: undefined } | { key: string; step?: undefined; effect: Effect };

export interface Story {
  entries: Entry[];
  /** Effects that are not among the entries. */
  more: number;
}

export function story({ steps, effects }: Incident): Story {
  const shown = effects.slice(0, EFFECTS);
  const entries: Entry[] = [
    ...steps.map((step) => ({ key: `${step.number}`, step })),
    ...shown.map((effect) => ({ key: `${effect.tag}@${effect.time}`, effect })),
  ];
  return { entries, more: effects.length - shown.length };
}

/** The address of an entry. */
export const address = (incident: string, entry: Entry) => `#/incident/${incident}/${encodeURIComponent(entry.key)}`;

/** The step that a reaction of the process answers to: the last one on a controller before it, else the last before it. */
export function cause(steps: Step[], at: number): Step | undefined {
  const before = steps.filter((s) => s.time <= at);
  return before.findLast((s) => s.level != null && s.level <= 1) ?? before.at(-1);
}

/** How each piece of equipment reacted first: its first abnormal effect, those after an act on a controller before others. */
export function reactions(steps: Step[], effects: Effect[]): Effect[] {
  const acted = steps.find((s) => s.level != null && s.level <= 1)?.time ?? steps[0]?.time ?? 0;
  return [...new Set(effects.map((e) => e.equipment))].flatMap((equipment) => {
    const abnormal = effects.filter((e) => e.equipment === equipment && e.priority > 0);
    return abnormal.find((e) => e.time >= acted) ?? abnormal[0] ?? [];
  });
}
