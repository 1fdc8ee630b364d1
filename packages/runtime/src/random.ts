import { randomBytes } from "node:crypto";

/** A uniform number in [0, 1): the one home of randomness, with {@link newId}. Not for secrets. */
export function random(): number {
  return Math.random();
}

/** A new id of 26 lower-case letters and digits (130 random bits), unique without coordination. */
export function newId(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  return Array.from(randomBytes(26), (byte) => alphabet[byte & 31]).join("");
}
