import type { Bus } from "@millrace/bus";
import type { AttemptOutcome } from "@millrace/core/task";
import { createLog, createMetrics } from "@millrace/observe";
import type { Dispatch } from "@millrace/protocol";
import type { Claim, ClaimAnswer, SettleAnswer, Settlement } from "@millrace/store";
import { createWorkerMetrics } from "@millrace/worker/metrics";
import type { Settled, WorkerPorts } from "@millrace/worker/ports";
import type { AloneAttempt } from "@millrace/worker/quarantine/quarantine";
import { RunningAttempts } from "@millrace/worker/running";
import { Starts } from "@millrace/worker/starts";
import type { TaskContext } from "@millrace/worker/task-type";

/** The ports that cannot be made to fail on command are played; what a delivery is told is written down. */
export interface Stage {
  readonly ports: WorkerPorts;
  /** What was said of the delivery: "+ACK", "-NAK …". */
  readonly said: string[];
  readonly settlements: Settlement[];
  readonly followed: Settled[];
  readonly metrics: () => Promise<string>;
  audits: number;
  nudges: number;
  claimAnswer: (claim: Claim) => Promise<ClaimAnswer>;
  settleAnswer: (settlement: Settlement) => Promise<SettleAnswer>;
  /** Tenants take turns at the level; whose task is next, and whose is next of the same tenant. */
  isShared: boolean;
  next: () => Promise<Dispatch | null>;
  nextOfSame: () => Promise<Dispatch | null>;
  sharings: number;
  readonly starts: Starts;
  readonly paused: Set<string>;
  parkAnswer: () => Promise<boolean>;
  isPlaceTaken: boolean;
  handler: (context: TaskContext) => Promise<AttemptOutcome>;
}

export const READY_AT = new Date("2026-01-15T12:00:00Z");
export const OK: AttemptOutcome = { kind: "completed", result: "done" };
export const FAILED: AttemptOutcome = {
  kind: "failed",
  error: { code: "BOOM", message: "no" },
  isRetryable: true,
};

export function setStage(): Stage {
  const said: string[] = [];
  const connection = { isClosed: () => false, publish: (_: string, word: string) => said.push(word) };
  const bus = { connection } as unknown as Bus;
  const registry = createMetrics({ service: "worker" });
  const log = createLog({
    service: "worker",
    level: "CRITICAL",
    format: "json",
    destination: { write: () => {}, flush: () => {} },
  });
  const starts = new Starts();
  const made: Stage = {
    said,
    settlements: [],
    followed: [],
    metrics: () => registry.render(),
    audits: 0,
    nudges: 0,
    claimAnswer: async () => ({ kind: "claimed" }),
    settleAnswer: async () => ({ kind: "settled", readyAt: READY_AT }),
    isShared: false,
    next: async () => null,
    nextOfSame: async () => null,
    sharings: 0,
    starts,
    paused: new Set(),
    parkAnswer: async () => true,
    isPlaceTaken: false,
    handler: async () => OK,
    ports: {
      bus,
      log,
      session: "me~1",
      metrics: createWorkerMetrics(registry, () => {}),
      running: new RunningAttempts(bus),
      types: new Map([
        ["simulate", { taskType: "simulate", run: (context: TaskContext) => made.handler(context) }],
      ]),
      attempts: {
        claim: (claim: Claim) => made.claimAnswer(claim),
        settle: (settlement: Settlement) => {
          made.settlements.push(settlement);
          return made.settleAnswer(settlement);
        },
      },
      audit: {
        request: () => {
          made.audits += 1;
        },
      },
      endTeller: {
        nudge: () => {
          made.nudges += 1;
        },
      },
      starts,
      pauses: { isTypePaused: (taskType: string) => made.paused.has(taskType) },
      parking: { park: () => made.parkAnswer() },
      guards: { concern: () => false },
      turns: {
        concern: () => made.isShared,
        noteShared: () => {
          made.sharings += 1;
        },
        next: () => made.next(),
        nextOfSame: () => made.nextOfSame(),
      },
      quarantine: {
        concerns: ({ runs_alone }: Dispatch) => runs_alone === true,
        enter: () => {
          if (made.isPlaceTaken) return false;
          made.isPlaceTaken = true;
          return true;
        },
        leave: () => {
          made.isPlaceTaken = false;
        },
        run: async ({ context }: AloneAttempt) => ({
          end: await made.handler(context as TaskContext),
          log: "alone",
        }),
      },
      random: () => 0.5,
      timeoutMsOf: () => 5_000,
      taskLog: () => ({ debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }),
      tell: () => {},
      tellProgress: () => {},
      flushLive: () => {},
      followUp: async (settled: Settled) => void made.followed.push(settled),
      background: () => {},
    } as unknown as WorkerPorts,
  };
  return made;
}
