/** When a merge writes a file anew, and how large files become. */
export interface MergePolicy {
  /** A merge that need not be whole writes a file when at least one in so many of its rows has changed: it writes at most so many times what changed. Default 8. */
  readonly mostRowsPerChange: number;
  /** A merge that touches no more than so many bytes is whole: putting off saves nothing then. Default 4 MB. */
  readonly wholeBelowBytes: number;
  /** Files of which much changes are cut into pieces of so many rows, or an eighth of their partition if that is more. Default 4,096. */
  readonly pieceRows: number;
  /** Neighbours of which little changes are laid together up to this size; larger files are cut. Default 16 MB. */
  readonly fileBytes: number;
  /** Everything is merged at least so often, in milliseconds. Default 24 h. */
  readonly wholeIntervalMs: number;
}

/** See {@link MergePolicy}. */
export const defaultMergePolicy: MergePolicy = {
  mostRowsPerChange: 8,
  wholeBelowBytes: 4 * 1024 ** 2,
  pieceRows: 4_096,
  fileBytes: 16 * 1024 ** 2,
  wholeIntervalMs: 86_400_000,
};

/** Pieces of a partition. */
const mostPieces = 8;

/** Rows of a piece in a partition of so many rows. Pure. */
export function pieceRowsOf(partitionRows: number, { pieceRows }: MergePolicy): number {
  return Math.max(pieceRows, Math.ceil(partitionRows / mostPieces));
}
