// The interface of the server, typed by its own document (schema.d.ts is made from it).
import type { components, paths } from "./schema.d.ts";

type Schemas = components["schemas"];
export type Status = Schemas["Status"];
export type Overview = Schemas["Overview"];
export type Zone = Schemas["Zone"];
export type Conduit = Schemas["ZoneConduit"];
export type Alarm = Schemas["Alarm"];
export type Tag = Schemas["Tag"];
export type Evidence = Schemas["Evidence"];
export type IncidentHead = Schemas["IncidentHead"];
export type Incident = Schemas["Incident"];
export type Step = Schemas["Step"];
export type Effect = Schemas["Effect"];
export type Decision = Schemas["Decision"];
export type Run = Schemas["Run"];
export type RunState = Schemas["RunState"];
export type Assets = Schemas["Assets"];
export type Asset = Schemas["Asset"];
export type Health = Schemas["Health"];
export type Answer = Schemas["Answer"];
export type Table = Schemas["Table"];
export type User = Schemas["User"];
export type Live = Schemas["Live"];

type Reply<Operation> = Operation extends { responses: { 200: { content: { "application/json": infer Body } } } } ? Body : undefined;
type Sent<Operation> = Operation extends { requestBody: { content: { "application/json": infer Body } } } ? Body : undefined;
type At = Record<string, string | number>;

/** What the server would not do, in its own sentence. */
export class Refused extends Error {
  status: number;
  constructor(status: number, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

/** Reads a resource; `at` fills the places of the path, what is left over becomes the query. */
export async function get<P extends keyof paths>(path: P, at: At = {}): Promise<Reply<paths[P]["get"]>> {
  return (await ask(address(path, at), {})) as Reply<paths[P]["get"]>;
}

/** Asks for a change. */
export async function post<P extends keyof paths>(
  path: P,
  at: At,
  body: Sent<paths[P]["post"]>,
): Promise<Reply<paths[P]["post"]>> {
  const sent = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) };
  return (await ask(address(path, at), sent)) as Reply<paths[P]["post"]>;
}

/** Where the packets of a step can be had. */
export function packets(id: string, number: number): string {
  return address("/api/incidents/{id}/steps/{number}/packets", { id, number });
}

function address(path: keyof paths, at: At): string {
  const rest = new Map(Object.entries(at));
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(rest.get(name) ?? "");
    rest.delete(name);
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams([...rest].map(([name, value]) => [name, String(value)])).toString();
  return query ? `${filled}?${query}` : filled;
}

async function ask(path: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(path, init);
  if (response.status === 204) return undefined;
  const body: unknown = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const sentence = (body as { error?: string }).error ?? `${response.status} ${response.statusText}`;
  throw new Refused(response.status, sentence);
}
