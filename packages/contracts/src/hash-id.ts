import { hash } from "node:crypto";

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** The first 26 characters (130 bits) of the base32 (RFC 4648, lower case) of sha256 of UTF-8 text: the form of every content hash and id. */
export function hashId(text: string): string {
  const bytes = hash("sha256", text, "buffer");
  let id = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      id += alphabet[(value >> (bits - 5)) & 31];
      bits -= 5;
    }
    if (id.length >= 26) break;
  }
  return id.slice(0, 26);
}
