/** Mistakes that can be planted, so that a run shows that it would find them. */
export const plants = [
  /** The metadata file is written whoever was there first. */
  "unconditional",
  /** A commit is made before its rows are in the store. */
  "rows-late",
  /** A writer does not look whether another moved its partitions. */
  "deaf",
  /** Files that nobody names are removed at once. */
  "no-grace",
] as const;

/** One of {@link plants}. */
export type Plant = (typeof plants)[number];

/** Under which conditions a lake writer works, so that a day's work happens within minutes. */
export interface LakeConditions {
  /** What counts as an hour where the ages of files are judged, in milliseconds. */
  readonly hourMs: number;
  /** How often the writer compacts, writes a snapshot, erases or expires, one of these each time, in milliseconds; 0: not by itself. */
  readonly choresMs: number;
  /** Whether each process is a member of a group of its own, so that nobody waits until the broker has given a killed one up. */
  readonly ownGroup: boolean;
  readonly plant: Plant | null;
}

/** Files that a run lays under this partition are shown to be ten days old. */
export const oldPartition = "event_date=2020-01-01";
