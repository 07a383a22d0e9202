import { Fault, type Identity } from "@millrace/core";
import {
  IDENTITIES_CACHED_MAX,
  IDENTITY_LOOKUPS_MAX,
  IDENTITY_STALE_MS_MAX,
  KEY_CACHED_MS,
  SESSION_CACHED_MS,
  STRANGER_CACHED_MS,
  STRANGERS_CACHED_MAX,
} from "@millrace/core/limits";
import type { Credential } from "./credential.ts";
import { Lru } from "./lru.ts";

/** What the database and the signature say about a credential. */
export type LookUp =
  /** `expiresAtMs` is Infinity for a key without end. */
  | { readonly kind: "known"; readonly identity: Identity; readonly expiresAtMs: number }
  | { readonly kind: "stranger"; readonly fault: Fault };

interface Known {
  readonly identity: Identity;
  readonly expiresAtMs: number;
  /** When the database said so. */
  readonly checkedAtMs: number;
  /** The last check failed because the database was away. */
  isUnconfirmed: boolean;
}

interface Stranger {
  readonly fault: Fault;
  readonly checkedAtMs: number;
}

export interface IdentitiesOptions {
  /** Rejects with STORE_UNAVAILABLE when nobody can tell. */
  readonly lookUp: (credential: Credential) => Promise<LookUp>;
  readonly nowMs: () => number;
}

/**
 * Who a credential belongs to, remembered for seconds: a request on the hot path costs one map look-up, no query and
 * no cryptography. What was revoked elsewhere works at most KEY_CACHED_MS or SESSION_CACHED_MS longer.
 *
 * While the database is away, identities that it confirmed stay good for IDENTITY_STALE_MS_MAX, so that events are
 * still accepted: nobody can revoke anything meanwhile either.
 */
export class Identities {
  readonly #lookUp: IdentitiesOptions["lookUp"];
  readonly #nowMs: () => number;
  readonly #known = new Lru<Credential, Known>(IDENTITIES_CACHED_MAX);
  readonly #strangers = new Lru<Credential, Stranger>(STRANGERS_CACHED_MAX);
  readonly #lookUps = new Map<Credential, Promise<Identity>>();

  constructor(options: IdentitiesOptions) {
    this.#lookUp = options.lookUp;
    this.#nowMs = options.nowMs;
  }

  /** What is known without asking anybody; undefined means `resolve` must ask. Throws for a credential just refused. */
  peek(credential: Credential): Identity | undefined {
    const nowMs = this.#nowMs();
    const known = this.#known.get(credential);
    if (known !== undefined) return this.#judge(credential, known, nowMs);
    const stranger = this.#strangers.get(credential);
    if (stranger !== undefined && nowMs - stranger.checkedAtMs < STRANGER_CACHED_MS) throw stranger.fault;
    return undefined;
  }

  #judge(credential: Credential, known: Known, nowMs: number): Identity | undefined {
    if (nowMs >= known.expiresAtMs) return undefined;
    const ageMs = nowMs - known.checkedAtMs;
    if (ageMs < (known.identity.via === "jwt" ? SESSION_CACHED_MS : KEY_CACHED_MS)) return known.identity;
    if (!known.isUnconfirmed || ageMs >= IDENTITY_STALE_MS_MAX) return undefined;
    // The database was away a moment ago: no request waits for it again, one look-up in the background does.
    if (!this.#lookUps.has(credential)) this.resolve(credential).catch(() => undefined);
    return known.identity;
  }

  /** Asks, once for all requests that wait for the same credential. Throws what `lookUp` found or failed with. */
  resolve(credential: Credential): Promise<Identity> {
    const pending = this.#lookUps.get(credential);
    if (pending !== undefined) return pending;
    if (this.#lookUps.size >= IDENTITY_LOOKUPS_MAX)
      return Promise.reject(
        new Fault("OVERLOADED", "too many credentials are being looked up", { retryAfterS: 1 }),
      );
    const lookUp = this.#ask(credential).finally(() => this.#lookUps.delete(credential));
    this.#lookUps.set(credential, lookUp);
    return lookUp;
  }

  async #ask(credential: Credential): Promise<Identity> {
    // Of the time before the answer: what changes while it is on its way is noticed no later than promised.
    const checkedAtMs = this.#nowMs();
    let found: LookUp;
    try {
      found = await this.#lookUp(credential);
    } catch (error) {
      return this.#trustMeanwhile(credential, error);
    }
    if (found.kind === "stranger") {
      this.#known.delete(credential);
      this.#strangers.set(credential, { fault: found.fault, checkedAtMs });
      throw found.fault;
    }
    const { identity, expiresAtMs } = found;
    this.#known.set(credential, { identity, expiresAtMs, checkedAtMs, isUnconfirmed: false });
    return identity;
  }

  #trustMeanwhile(credential: Credential, error: unknown): Identity {
    const known = this.#known.get(credential);
    const nowMs = this.#nowMs();
    const isAway = error instanceof Fault && error.code === "STORE_UNAVAILABLE";
    const isTrusted =
      known !== undefined && nowMs < known.expiresAtMs && nowMs - known.checkedAtMs < IDENTITY_STALE_MS_MAX;
    if (!isAway || !isTrusted) throw error;
    known.isUnconfirmed = true;
    return known.identity;
  }

  /** The session ended here; other processes notice within SESSION_CACHED_MS. */
  forgetSession(sessionId: number): void {
    this.#known.deleteWhere(({ identity }) => identity.sessionId === sessionId);
  }

  /** The key was deleted here; other processes notice within KEY_CACHED_MS. */
  forgetKey(keyId: string): void {
    this.#known.deleteWhere(({ identity }) => identity.keyId === keyId);
  }
}
