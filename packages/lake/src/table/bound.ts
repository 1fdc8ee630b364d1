import type { BoundValue, ColumnType } from "@thulium-stream/contracts";
import { instantText } from "../instant-text.ts";

/** Text bounds keep this many code points, as Iceberg's own writers do: enough to skip by, small in the manifest. */
const boundCodePoints = 32;

/** Types that have bounds. */
export type LeafType = Extract<ColumnType, string>;

/**
 * A bound in Iceberg's single-value serialisation (spec, appendix D): UTF-8 text, 8-byte little-endian integers, instants as microseconds.
 * Long text is cut; an upper bound is then rounded up, or null when nothing above it can be written.
 */
export function encodeBound(
  type: LeafType,
  value: BoundValue,
  side: "lower" | "upper",
): Buffer | null {
  if (type === "text") return encodeText(String(value), side);
  if (type === "boolean") return Buffer.from([value === true ? 1 : 0]);
  const number = type === "instant" ? microsOf(String(value)) : BigInt(value);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(number);
  return bytes;
}

/** The value of a bound; null when its bytes are not of this type. */
export function decodeBound(type: LeafType, bytes: Uint8Array): BoundValue | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === "text") return buffer.toString();
  if (type === "boolean") return buffer[0] === 1;
  if (buffer.length !== 8) return null;
  const value = buffer.readBigInt64LE();
  return type === "integer" ? Number(value) : instantText(value);
}

/** Order of two texts by their UTF-8 bytes, which is that of code points; JavaScript compares UTF-16 units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    // Surrogates stand for code points above all other units.
    const isLeftHigh = left >= 0xd800 && left < 0xe000;
    const isRightHigh = right >= 0xd800 && right < 0xe000;
    if (isLeftHigh !== isRightHigh) return isLeftHigh ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}

function encodeText(text: string, side: "lower" | "upper"): Buffer | null {
  const points = [...text.slice(0, boundCodePoints * 2 + 2)];
  if (points.length <= boundCodePoints) return Buffer.from(text);
  const cut = points.slice(0, boundCodePoints);
  if (side === "lower") return Buffer.from(cut.join(""));
  for (let at = cut.length - 1; at >= 0; at -= 1) {
    const next = (cut[at]?.codePointAt(0) ?? 0) + 1;
    if (next > 0x10ffff) continue;
    const stepped = next >= 0xd800 && next < 0xe000 ? 0xe000 : next;
    return Buffer.from(cut.slice(0, at).join("") + String.fromCodePoint(stepped));
  }
  return null;
}

/** Microseconds of ISO 8601 UTC text with up to six decimals. */
function microsOf(instant: string): bigint {
  const [, decimals = ""] = /\.(\d{1,6})/.exec(instant) ?? [];
  const seconds = Date.parse(instant.replace(/\.\d+/, ""));
  return BigInt(seconds) * 1_000n + BigInt(decimals.padEnd(6, "0"));
}
