const INDEX_BITS = 12;
const REGISTERS = 2 ** INDEX_BITS;
/** Of the 64 bits of a hash, as many are kept as fit into a number exactly: 32 high ones and 21 low ones. */
const LOW_BITS = 21;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

/**
 * How many different values there were: exactly while there are few (by their hashes, so long values cost no more than
 * short ones), then by HyperLogLog with 4 096 registers, whose standard error is 1.6 %.
 */
export class DistinctCount {
  readonly #exactMax: number;
  #hashes: Set<number> | undefined = new Set();
  #registers: Uint8Array | undefined;

  constructor(exactMax: number) {
    this.#exactMax = exactMax;
  }

  get isExact(): boolean {
    return this.#registers === undefined;
  }

  get count(): number {
    return this.#registers === undefined ? (this.#hashes?.size ?? 0) : estimate(this.#registers);
  }

  add(value: string): void {
    const hash = Bun.hash.wyhash(value);
    const key = Number(hash >> 32n) * 2 ** LOW_BITS + Number((hash & 0xffff_ffffn) >> BigInt(32 - LOW_BITS));
    if (this.#registers !== undefined) {
      register(this.#registers, key);
      return;
    }
    this.#hashes?.add(key);
    if ((this.#hashes?.size ?? 0) > this.#exactMax) this.#estimateFromNow();
  }

  #estimateFromNow(): void {
    const registers = new Uint8Array(REGISTERS);
    for (const key of this.#hashes ?? []) register(registers, key);
    this.#registers = registers;
    this.#hashes = undefined;
  }
}

/** The upper bits choose the register; it keeps the most leading zeros (plus one) seen in the lower ones. */
function register(registers: Uint8Array, key: number): void {
  const high = Math.floor(key / 2 ** LOW_BITS);
  const low = key % 2 ** LOW_BITS;
  const index = high >>> (32 - INDEX_BITS);
  const rest = (high << INDEX_BITS) >>> 0;
  const restBits = 32 - INDEX_BITS;
  const zeros = rest === 0 ? restBits + Math.clz32(low) - (32 - LOW_BITS) : Math.clz32(rest);
  if (zeros + 1 > (registers[index] ?? 0)) registers[index] = zeros + 1;
}

function estimate(registers: Uint8Array): number {
  let sum = 0;
  let empty = 0;
  for (const zeros of registers) {
    sum += 2 ** -zeros;
    if (zeros === 0) empty += 1;
  }
  const raw = (ALPHA * REGISTERS * REGISTERS) / sum;
  // With few values many registers are empty, and their number says more.
  const isSmall = raw <= 2.5 * REGISTERS && empty > 0;
  return Math.round(isSmall ? REGISTERS * Math.log(REGISTERS / empty) : raw);
}
