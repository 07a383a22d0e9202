import { HEALTH_CACHE_MS, HEALTH_TIMEOUT_MS } from "@millrace/core/limits";
import { redactText } from "./redact.ts";

/** Resolves when what it looks at works; rejects with the reason when it does not. */
export type HealthCheck = () => Promise<void>;

export type CheckState =
  | { readonly status: "up" }
  | {
      readonly status: "down";
      /** For people: an error's message, or how long there was no answer. */
      readonly reason: string;
    };

export interface Readiness {
  readonly status: "ready" | "not_ready";
  readonly checks: Readonly<Record<string, CheckState>>;
  /** What the service tells of itself beside that: how far it has come. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Health {
  /** The process answers; nothing else is looked at, since restarting it would heal nothing else. */
  live(): { readonly status: "live" };
  /** What is up and what is down, by name. Never rejects. */
  ready(): Promise<Readiness>;
  /** From now on not ready: new work goes elsewhere while this process finishes what it has. */
  drain(): void;
}

export interface HealthOptions {
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** Called at each probe. Must be quick: no query, no request. */
  readonly details?: () => Readonly<Record<string, unknown>>;
  readonly timeoutMs?: number;
  readonly cacheMs?: number;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

const REASON_CHARS_MAX = 300;

export function createHealth(options: HealthOptions): Health {
  const { checks, timeoutMs = HEALTH_TIMEOUT_MS, cacheMs = HEALTH_CACHE_MS } = options;
  const now = options.now ?? (() => performance.now());
  const probes = Object.entries(checks).map(([name, check]) => [name, probe(check, timeoutMs)] as const);
  let isDraining = false;
  let latest: { readonly atMs: number; readonly result: Promise<Readiness> } | undefined;

  const run = async (): Promise<Readiness> => {
    const states = await Promise.all(probes.map(async ([name, ask]) => [name, await ask()] as const));
    const isReady = states.every(([, state]) => state.status === "up");
    const details = options.details === undefined ? {} : { details: options.details() };
    return { status: isReady ? "ready" : "not_ready", checks: Object.fromEntries(states), ...details };
  };
  return {
    live: () => ({ status: "live" }),
    ready: async () => {
      // Probes that come together share one run; so do those that come shortly after it began.
      if (latest === undefined || now() - latest.atMs >= cacheMs) latest = { atMs: now(), result: run() };
      const readiness = await latest.result;
      if (!isDraining) return readiness;
      const process: CheckState = { status: "down", reason: "draining" };
      return { ...readiness, status: "not_ready", checks: { ...readiness.checks, process } };
    },
    drain: () => {
      isDraining = true;
    },
  };
}

/** Asks a check with a time-out, and never twice at once: a check that hangs must not pile up. */
function probe(check: HealthCheck, timeoutMs: number): () => Promise<CheckState> {
  let pending: Promise<CheckState> | undefined;
  return async () => {
    pending ??= settle(check).finally(() => {
      pending = undefined;
    });
    const { promise: silence, resolve } = Promise.withResolvers<CheckState>();
    const timer = setTimeout(
      () => resolve({ status: "down", reason: `no answer within ${timeoutMs} ms` }),
      timeoutMs,
    );
    try {
      return await Promise.race([pending, silence]);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function settle(check: HealthCheck): Promise<CheckState> {
  try {
    await check();
    return { status: "up" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: "down", reason: redactText(reason).slice(0, REASON_CHARS_MAX) };
  }
}
