/** Opening times of one weekday: pairs of `HH:MM`, the end exclusive, `24:00` being midnight. */
export type DayHours = readonly (readonly [from: string, to: string])[];
/** Opening times of a week, Monday first. */
export type WeekHours = readonly DayHours[];

/** What {@link parseBusinessHours} asks for, as an error may quote it. */
export const businessHoursRule =
  'must be ranges such as "Mon-Fri 08:00-16:00; Sat 09:00-13:00", none of which overlap';

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const rangeForm = /^([A-Z][a-z]{2})(?:-([A-Z][a-z]{2}))? (\d{2}:[0-5]\d)-(\d{2}:[0-5]\d)$/;

/** The week that a text such as `Mon-Fri 08:00-16:00; Sat 09:00-13:00` describes; null when it breaks {@link businessHoursRule}. */
export function parseBusinessHours(text: string): WeekHours | null {
  const week: [string, string][][] = days.map(() => []);
  for (const part of text.split(";").map((piece) => piece.trim())) {
    const match = rangeForm.exec(part);
    const [, first = "", second, from = "", to = ""] = match ?? [];
    const [start, end] = [days.indexOf(first), days.indexOf(second ?? first)];
    if (match === null || start < 0 || end < start || from >= to || to > "24:00") return null;
    for (let day = start; day <= end; day += 1) week[day]?.push([from, to]);
  }
  for (const ranges of week) {
    ranges.sort(([a], [b]) => (a < b ? -1 : 1));
    if (ranges.some(([from], at) => from < (ranges[at - 1]?.[1] ?? ""))) return null;
  }
  return week;
}
