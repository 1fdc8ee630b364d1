/**
 * Objects under keys: `a/b/c`, UTF-8, no leading slash, no `..`. Rules, cited as O1–O8:
 *
 * O1 An object is visible entire or not at all.
 * O2 `putIfAbsent` on an existing key changes nothing and says so; exactly one of two racing writers wins.
 * O3 A put that failed may still have happened.
 * O4 A get after a resolved put sees it.
 * O5 Keys list in byte order under a prefix.
 * O6 Deleting a key that is not there is no error.
 * O7 `copy` makes an object of its own with the same bytes, which do not pass through this process; what happens to the source later does not reach it.
 * O8 `baseUri` and a key, with a slash between, are the absolute address under which other programs find the object.
 */
export interface ObjectStore extends AsyncDisposable {
  /** Absolute URI of the place, without a slash at its end: `s3://bucket/prefix`, `file:///folder` (O8). */
  readonly baseUri: string;
  /** Writes or replaces. @throws Failure `Unavailable`, `TimedOut`, `Unauthenticated`, `Forbidden`, `Rejected` (no such bucket). */
  put(key: string, body: ObjectBody): Promise<void>;
  /** Writes unless the key exists (O2). */
  putIfAbsent(key: string, body: ObjectBody): Promise<"created" | "exists">;
  /** The whole object, or null when there is none. */
  get(key: string): Promise<Uint8Array | null>;
  /** Copies within the store (O7), replacing what is there. @throws Failure `Rejected` when there is no object at `from`. */
  copy(from: string, to: string): Promise<void>;
  /** All objects whose key starts with `prefix` (O5). */
  list(prefix: string): AsyncIterable<ObjectEntry>;
  /** Removes (O6). */
  delete(keys: readonly string[]): Promise<void>;
}

/** Bytes, or a local file whose bytes do not change until the put resolves. */
export type ObjectBody = Uint8Array | { readonly file: string };

/** One line of a listing. */
export interface ObjectEntry {
  readonly key: string;
  readonly bytes: number;
  /** Last modification, milliseconds since 1970-01-01T00:00Z, by the store's clock. */
  readonly modifiedAtMs: number;
}
