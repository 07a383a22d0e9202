import { Fault } from "@millrace/core";
import { PASSWORD_HASHES_MAX, PASSWORD_HASHES_WAITING_MAX } from "@millrace/core/limits";

/**
 * OWASP's second choice for argon2id: 19 MiB, two passes, one lane. Against the first one (46 MiB, one pass) it costs
 * an attacker as much and this process less than half of the memory.
 */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

export interface Passwords {
  /** Throws OVERLOADED when too many wait already. */
  hash(password: string): Promise<string>;
  /** Takes the same time when there is no hash to compare with: the time must not tell which emails are known. */
  verify(password: string, hash: string | undefined): Promise<boolean>;
}

/** @param absentHash of a random password nobody knows; see `makeAbsentHash`. */
export function createPasswords(absentHash: Promise<string>): Passwords {
  const gate = new Gate(PASSWORD_HASHES_MAX, PASSWORD_HASHES_WAITING_MAX);
  return {
    hash: (password) => gate.pass(() => Bun.password.hash(normalise(password), ARGON2ID)),
    verify: (password, hash) =>
      gate.pass(async () => {
        const isRight = await Bun.password.verify(normalise(password), hash ?? (await absentHash));
        return isRight && hash !== undefined;
      }),
  };
}

export function makeAbsentHash(): Promise<string> {
  return Bun.password.hash(Bun.randomUUIDv7(), ARGON2ID);
}

/** The same password typed on two systems may arrive composed or decomposed (RFC 8265 asks for NFC). */
function normalise(password: string): string {
  return password.normalize("NFC");
}

/** At most `insideMax` at once and `waitingMax` in line; beyond, OVERLOADED. */
export class Gate {
  readonly #insideMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(insideMax: number, waitingMax: number) {
    this.#insideMax = insideMax;
    this.#waitingMax = waitingMax;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The place is handed over, so that nobody slips in between.
      if (next === undefined) this.#inside -= 1;
      else next();
    }
  }

  #enter(): Promise<void> {
    if (this.#inside < this.#insideMax) {
      this.#inside += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#waitingMax)
      return Promise.reject(
        new Fault("OVERLOADED", "too many passwords wait to be checked", { retryAfterS: 2 }),
      );
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
