// Keys of one letter work wherever nobody writes and no control wants them.

/** Whether `e` is a key for the screen. */
export function free(e: KeyboardEvent): boolean {
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return false;
  const at = e.target;
  if (at instanceof HTMLElement && at.closest("input, textarea, select, dialog")) return false;
  // Enter and space belong to the link or button that has the focus.
  const control = at instanceof Element && at.closest("a, button, summary") !== null;
  return !(control && (e.key === "Enter" || e.key === " "));
}

/** Where `j` and `k` lead from `at` among `count`. */
export function moved(key: string, at: number, count: number): number {
  if (key === "j" || key === "ArrowDown") return Math.min(at + 1, count - 1);
  if (key === "k" || key === "ArrowUp") return Math.max(at - 1, 0);
  return at;
}
