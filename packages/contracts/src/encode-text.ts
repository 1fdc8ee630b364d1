/** Records are many and small, and a buffer of its own for each costs more than its bytes: they share slabs of this size. */
const slabBytes = 256 * 1024;
let slab = Buffer.allocUnsafeSlow(slabBytes);
let slabUsed = 0;

/** UTF-8 of texts without lone surrogates, and bytes, one after the other, as a part of a larger buffer: copy what is kept for long. */
export function encodeText(...parts: readonly (string | Uint8Array)[]): Buffer {
  let mostBytes = 0;
  for (const part of parts) mostBytes += typeof part === "string" ? part.length * 3 : part.length;
  if (mostBytes > slabBytes) return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  if (slabUsed + mostBytes > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    slabUsed = 0;
  }
  const start = slabUsed;
  for (const part of parts) {
    if (typeof part === "string") slabUsed += slab.write(part, slabUsed);
    else {
      slab.set(part, slabUsed);
      slabUsed += part.length;
    }
  }
  return slab.subarray(start, slabUsed);
}
