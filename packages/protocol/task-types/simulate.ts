import type { AskedLane, FieldProblem, Json } from "@millrace/core";
import {
  ERROR_MESSAGE_CHARS_MAX,
  SIMULATED_FAILURE_RATE_DEFAULT,
  SIMULATED_SHORT_MS_MAX,
  TASK_ID_CHARS_MAX,
  TIMEOUT_S_MAX,
} from "@millrace/core/limits";
import {
  isObject,
  type JsonObject,
  type Parsed,
  Problems,
  pointer,
  readNumber,
  unknownFields,
} from "./fields.ts";

/** What a `simulate` task does: wait, and then succeed, fail or take its worker down. */
export interface SimulatePayload {
  readonly durationMs: number;
  /** The share of attempts that fail: 0 … 1. See `simulatedFailure` in core for which ones. */
  readonly failureRate: number;
  /** Undefined: the task's own id. */
  readonly seed: string | undefined;
  /** The message of a simulated failure. */
  readonly error: string;
  /** True: an attempt that would fail kills its worker process instead. */
  readonly isCrash: boolean;
}

export const SIMULATE_FIELDS = ["duration_ms", "failure_rate", "seed", "error", "crash"] as const;

export function parseSimulate(payload: Json): Parsed<SimulatePayload> {
  if (!isObject(payload)) return { ok: false, errors: [{ path: pointer(), message: "must be an object" }] };
  const problems = new Problems();
  problems.list.push(...unknownFields(payload, SIMULATE_FIELDS));
  const isCrash = readCrash(payload, problems);
  const value: SimulatePayload = {
    durationMs: readNumber(
      payload,
      { name: "duration_ms", min: 0, max: TIMEOUT_S_MAX * 1_000, fallback: 0, isInteger: true },
      problems,
    ),
    // Who asks for a crash and names no rate wants to see one, not one in three times.
    failureRate: readNumber(
      payload,
      {
        name: "failure_rate",
        min: 0,
        max: 1,
        fallback: isCrash ? 1 : SIMULATED_FAILURE_RATE_DEFAULT,
        isInteger: false,
      },
      problems,
    ),
    seed: readSeed(payload, problems),
    error: readError(payload, problems),
    isCrash,
  };
  return problems.list.length === 0 ? { ok: true, value } : { ok: false, errors: problems.list };
}

/** Long simulations must not hold a slot of the short lane. */
export function simulateLane(payload: Json): AskedLane {
  const parsed = parseSimulate(payload);
  return parsed.ok && parsed.value.durationMs > SIMULATED_SHORT_MS_MAX ? "long" : "short";
}

export function checkSimulate(payload: Json): readonly FieldProblem[] {
  const parsed = parseSimulate(payload);
  return parsed.ok ? [] : parsed.errors;
}

function readCrash(payload: JsonObject, problems: Problems): boolean {
  const given = payload.crash ?? false;
  if (typeof given === "boolean") return given;
  problems.add(pointer("crash"), "must be true or false");
  return false;
}

function readSeed(payload: JsonObject, problems: Problems): string | undefined {
  const given = payload.seed ?? undefined;
  if (given === undefined) return undefined;
  if (typeof given === "number" && Number.isSafeInteger(given)) return String(given);
  if (typeof given === "string" && given.length <= TASK_ID_CHARS_MAX) return given;
  return problems.add(pointer("seed"), `must be a whole number or at most ${TASK_ID_CHARS_MAX} characters`);
}

function readError(payload: JsonObject, problems: Problems): string {
  const given = payload.error ?? "simulated failure";
  if (typeof given === "string" && given.length <= ERROR_MESSAGE_CHARS_MAX) return given;
  problems.add(pointer("error"), `must be text of at most ${ERROR_MESSAGE_CHARS_MAX} characters`);
  return "";
}
