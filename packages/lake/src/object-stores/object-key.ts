import { Failure } from "@thulium-stream/contracts";

/** Longest key, in bytes of UTF-8: what S3 allows. */
const longestKeyBytes = 1024;

/** Longest piece between two slashes, in bytes: what common file systems allow for a name. */
const longestSegmentBytes = 255;

/**
 * Checks that `key` is one that every store can hold: `a/b/c`, 1–1024 bytes of UTF-8, no leading, trailing or
 * doubled slash, no `.` or `..` between slashes, no piece above 255 bytes, no backslash and no control character.
 * @throws Failure `InvalidSettings` naming the key and the rule.
 */
export function checkKey(key: string): void {
  if (key.split("/").includes("")) refuse(key, "no leading, trailing or doubled slash");
  checkPieces(key);
}

/**
 * Checks the prefix of a listing: as {@link checkKey}, but it may be empty and may end with a slash.
 * @throws Failure `InvalidSettings` naming the prefix and the rule.
 */
export function checkPrefix(prefix: string): void {
  const pieces = prefix.split("/");
  if (pieces.slice(0, -1).includes("")) refuse(prefix, "no leading or doubled slash");
  checkPieces(prefix);
}

/** Order of two keys by their UTF-8 bytes (O5). JavaScript compares UTF-16 units, which differs above U+FFFF. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function checkPieces(text: string): void {
  const bytes = Buffer.from(text);
  if (bytes.toString() !== text) refuse(text, "no lone surrogate");
  if (bytes.byteLength > longestKeyBytes) refuse(text, `at most ${longestKeyBytes} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(text)) refuse(text, "no control character, no backslash");
  for (const piece of text.split("/")) {
    if (piece === "." || piece === "..") refuse(text, 'no "." or ".." between slashes');
    if (Buffer.byteLength(piece) > longestSegmentBytes)
      refuse(text, `at most ${longestSegmentBytes} bytes between two slashes`);
  }
}

function refuse(key: string, rule: string): never {
  throw new Failure(
    "InvalidSettings",
    `${JSON.stringify(key)} is no key of an object store: ${rule}`,
  );
}
