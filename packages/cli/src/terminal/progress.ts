import { note } from "./console.ts";

/** How far a long piece of work is. */
export interface Progress {
  readonly done: number;
  /** What `done` will be at the end, as far as is known. */
  readonly expected: number;
  /** What is counted: "tickets". */
  readonly unit: string;
  readonly ratePerS: number;
  /** Seconds left; null when unknown. */
  readonly etaS: number | null;
  /** More figures for the end of the line: "212 requests". */
  readonly detail?: string;
}

/** Shows progress: a bar that redraws itself on a terminal, a plain line every few seconds elsewhere. */
export interface ProgressDisplay {
  show(progress: Progress): void;
  /** Leaves the last state standing and goes to the next line. */
  end(): void;
}

/** A display; `nowMs` is the clock that spaces plain lines. */
export function progressDisplay(
  label: string,
  interactive: boolean,
  nowMs: () => number,
): ProgressDisplay {
  let last: Progress | null = null;
  let drawn: Progress | null = null;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  const everyMs = interactive ? 100 : 5000;
  const draw = (progress: Progress) => {
    if (interactive) process.stderr.write(`\r\u001b[2K${progressLine(label, progress, true)}`);
    else note(progressLine(label, progress, false));
    shownAtMs = nowMs();
    drawn = progress;
  };
  return {
    show(progress) {
      last = progress;
      if (nowMs() - shownAtMs >= everyMs) draw(progress);
    },
    end() {
      if (last !== null && last !== drawn) draw(last);
      if (interactive && last !== null) process.stderr.write("\n");
      last = null;
    },
  };
}

const barWidth = 24;

/** One line of progress; pure. */
export function progressLine(label: string, progress: Progress, bar: boolean): string {
  const { done, expected, unit, ratePerS, etaS, detail } = progress;
  const share = expected <= 0 ? 0 : Math.min(1, done / expected);
  const filled = Math.round(share * barWidth);
  const drawn = bar ? `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ` : "";
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  const counts = `${grouped(done)}${expected > 0 ? ` of ${grouped(expected)}` : ""} ${unit}`;
  const parts = [counts, `${grouped(Math.round(ratePerS))}/s`];
  if (etaS !== null) parts.push(`${spanText(etaS)} left`);
  if (detail !== undefined) parts.push(detail);
  return `${label} ${drawn}${percent}  ${parts.join(" · ")}`;
}

/** A whole number with spaces between thousands: 20 000. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** Bytes as people say them, by 1024: 840 B, 2.4 MB, 31 GB. */
export function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, at] = [bytes, 0];
  while (value >= 999.5 && at < units.length - 1) [value, at] = [value / 1024, at + 1];
  const rounded = value < 9.95 ? Math.round(value * 10) / 10 : Math.round(value);
  return `${rounded} ${units[at]}`;
}

/** Seconds as people say them: 8 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function spanText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600)
    return `${Math.floor(whole / 60)} min${whole % 60 > 0 ? ` ${whole % 60} s` : ""}`;
  if (whole < 2 * 86_400)
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}
