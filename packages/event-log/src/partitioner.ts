const encoder = new TextEncoder();

/**
 * The partition of a key, as Java's Kafka client computes it by default: murmur2 of the key's UTF-8 bytes, made positive,
 * modulo the number of partitions (L2). Kafka and the embedded log share it, so that a key lies in the same partition in both.
 */
export function partitionFor(key: string, partitions: number): number {
  return (murmur2(encoder.encode(key)) & 0x7fffffff) % partitions;
}

const multiplier = 0x5bd1e995;

/** MurmurHash2, 32 bit, with the seed of `org.apache.kafka.common.utils.Utils.murmur2`. */
function murmur2(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const whole = data.length - (data.length % 4);
  let hash = 0x9747b28c ^ data.length;
  for (let at = 0; at < whole; at += 4)
    hash = Math.imul(hash, multiplier) ^ mixed(view.getInt32(at, true));
  if (data.length > whole) {
    for (let at = data.length - 1; at >= whole; at -= 1)
      hash ^= (data[at] ?? 0) << (8 * (at - whole));
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

function mixed(word: number): number {
  const product = Math.imul(word, multiplier);
  return Math.imul(product ^ (product >>> 24), multiplier);
}
