const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of text such as `250ms`, `15s`, `2m`, `12h`, `7d`; null when it has another form. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const factor = unitMs[match?.[2] ?? ""];
  return match === null || factor === undefined ? null : Math.round(Number(match[1]) * factor);
}
