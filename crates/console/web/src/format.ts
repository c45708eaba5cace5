// How numbers and times are written: 24 hours, ISO dates, always with a unit.

const pad = (n: number, width = 2) => String(Math.trunc(n)).padStart(width, "0");

/** `02:41:07`, in the time of the place where it is read. */
export function clock(ms: number): string {
  const d = new Date(ms);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

/** `2026-11-24 02:41:07`. */
export function moment(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clock(ms)}`;
}

/** The clock alone for what happened today, else with the date. */
export function when(ms: number, now: number): string {
  return new Date(ms).toDateString() === new Date(now).toDateString() ? clock(ms) : moment(ms);
}

/** `UTC+1`, of the place where it is read. */
export function offset(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  const rest = minutes % 60 ? `:${pad(Math.abs(minutes) % 60)}` : "";
  return minutes === 0 ? "UTC" : `UTC${minutes < 0 ? "-" : "+"}${Math.trunc(Math.abs(minutes) / 60)}${rest}`;
}

/** `6:41`, `3:59:07`; never below zero. */
export function left(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(s / 3600);
  return h ? `${h}:${pad((s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
}

/** `45 s`, `11 min`, `3 h 20 min`. */
export function span(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 120) return `${s} s`;
  const min = Math.round(s / 60);
  if (min < 120) return `${min} min`;
  return min % 60 ? `${Math.floor(min / 60)} h ${min % 60} min` : `${min / 60} h`;
}

/** A value with three or four figures, as an operator reads it. */
export function value(v: number): string {
  const size = Math.abs(v);
  const text = v.toFixed(size >= 1000 ? 0 : size >= 10 ? 1 : 2);
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text;
}

/** `12,345`. */
export const count = (n: number): string => n.toLocaleString("en-US");

/** `39.8 MB`. */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, n < 1 ? 0 : Math.floor(Math.log10(n) / 3));
  return `${power ? (n / 1000 ** power).toFixed(1) : n} ${units[power]}`;
}
