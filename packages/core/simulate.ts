/**
 * The dice of the failure simulator: no dice at all. Whether an attempt fails is a function of (seed, task, attempt), so
 * a test or a person can say beforehand which attempts of which tasks will fail, on any worker and in any order.
 *
 * h = FNV-1a (32 bits) over the UTF-8 bytes of `<seed>\n<task id>\n<attempt>`, then the finalizer of MurmurHash3, which
 * spreads the last bytes (the attempt number) over all bits. The attempt fails when h / 2³² < failureRate.
 * @see https://datatracker.ietf.org/doc/html/rfc9923 (FNV)
 */
export interface SimulatedAttempt {
  readonly seed: string;
  readonly taskId: string;
  /** Counts from 1. */
  readonly attempt: number;
  /** 0 (never fails) … 1 (always fails). */
  readonly failureRate: number;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const HASH_VALUES = 2 ** 32;

export function simulatedFailure({ seed, taskId, attempt, failureRate }: SimulatedAttempt): boolean {
  return hash32(`${seed}\n${taskId}\n${attempt}`) / HASH_VALUES < failureRate;
}

function hash32(text: string): number {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
