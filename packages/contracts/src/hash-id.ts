import { hash } from "node:crypto";

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
/** Two characters for each ten bits. */
const pairs = Array.from(
  { length: 1024 },
  (_, bits) => `${alphabet[bits >> 5]}${alphabet[bits & 31]}`,
);
/** Ten bits each, at these bits of the digest: 26 characters in all. */
const offsets = Array.from({ length: 13 }, (_, pair) => pair * 10);

/** The first 26 characters (130 bits) of the base32 (RFC 4648, lower case) of sha256 of UTF-8, given as text or as bytes: the form of every content hash and id. */
export function hashId(text: string | Uint8Array): string {
  // As text of one byte a character: a buffer of its own for every hash costs more than the hash.
  const bytes = hash("sha256", text, "binary");
  let id = "";
  for (const offset of offsets) {
    const at = offset >> 3;
    const two = (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);
    id += pairs[(two >> (6 - (offset & 7))) & 1023];
  }
  return id;
}
