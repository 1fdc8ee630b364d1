/** ISO 8601 UTC text with milliseconds, or microseconds where there are any; null outside the calendar of Date. */
export function instantText(micros: bigint): string | null {
  const rest = ((micros % 1_000n) + 1_000n) % 1_000n;
  const date = new Date(Number((micros - rest) / 1_000n));
  if (Number.isNaN(date.getTime())) return null;
  const text = date.toISOString();
  return rest === 0n ? text : text.replace("Z", `${String(rest).padStart(3, "0")}Z`);
}
