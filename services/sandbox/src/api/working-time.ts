const day = 86_400;
const opens = 8 * 3600;
const closes = 16 * 3600;

/** Seconds of Monday to Friday, 08:00–16:00, between two wall clock times: what `durations=business` counts. */
export function workingSecondsBetween(fromWallS: number, toWallS: number): number {
  return Math.max(0, workedUntil(toWallS) - workedUntil(fromWallS));
}

/** Working seconds since Monday 1969-12-29 00:00. */
function workedUntil(wallS: number): number {
  const dayNumber = Math.floor(wallS / day) + 3;
  const weekday = ((dayNumber % 7) + 7) % 7;
  const fullDays = Math.floor(dayNumber / 7) * 5 + Math.min(weekday, 5);
  const secondOfDay = (((wallS % day) + day) % day) - opens;
  const today = weekday < 5 ? Math.min(Math.max(secondOfDay, 0), closes - opens) : 0;
  return fullDays * (closes - opens) + today;
}
