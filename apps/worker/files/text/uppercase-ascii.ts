/**
 * Puts the letters a-z of the bytes into upper case, in place; true when there are other than ASCII bytes, which stay as
 * they are. Four bytes at a time: 5.6 GB/s on the machine of DESIGN.md, against 2.5 GB/s byte by byte.
 */
export function uppercaseAscii(bytes: Uint8Array): boolean {
  const unaligned = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
  const words = (bytes.length - unaligned) >>> 2;
  const isHeadHigh = uppercaseBytes(bytes, 0, unaligned);
  const isHigh =
    words > 0 && uppercaseWords(new Int32Array(bytes.buffer, bytes.byteOffset + unaligned, words));
  const isTailHigh = uppercaseBytes(bytes, unaligned + words * 4, bytes.length);
  return isHeadHigh || isHigh || isTailHigh;
}

const HIGH_BITS = 0x80808080 | 0;
const LOW_BITS = 0x7f7f7f7f;
/** Added to a byte below 0x80, these set its high bit when it is at least "a", and when it is beyond "z". */
const FROM_A = 0x1f1f1f1f;
const BEYOND_Z = 0x05050505;

function uppercaseWords(words: Int32Array): boolean {
  let high = 0;
  for (let n = 0; n < words.length; n += 1) {
    const word = words[n] ?? 0;
    const low = word & LOW_BITS; // No sum carries over into the next byte.
    const isLower = (low + FROM_A) & ~(low + BEYOND_Z) & ~word & HIGH_BITS;
    words[n] = word ^ (isLower >>> 2); // 0x80 becomes 0x20, the difference of "a" and "A".
    high |= word;
  }
  return (high & HIGH_BITS) !== 0;
}

function uppercaseBytes(bytes: Uint8Array, from: number, to: number): boolean {
  let high = 0;
  for (let n = from; n < to; n += 1) {
    const byte = bytes[n] ?? 0;
    if (byte >= 0x61 && byte <= 0x7a) bytes[n] = byte - 0x20;
    high |= byte;
  }
  return high >= 0x80;
}
