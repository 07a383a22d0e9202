import { audit } from "./audit.ts";
import { startDuty } from "./duty.ts";
import { keepDays } from "./keep-days.ts";
import type { RecorderPorts } from "./ports.ts";
import { Recorder } from "./recorder.ts";
import { createProgressTeller } from "./tell-progress.ts";
import { trimStream } from "./trim-stream.ts";

const SECOND_MS = 1_000;

export interface RecorderWish {
  readonly retentionDays: number;
  readonly replayMs: number;
  /** Whether `q` has an index. */
  readonly isTextIndexed: boolean;
  readonly nowMs: () => number;
}

/** All that a recorder does. Several may do it at the same time. The returned function ends it in order. */
export function startRecorder(ports: RecorderPorts, wish: RecorderWish): () => Promise<void> {
  const { log } = ports;
  const { retentionDays, replayMs, isTextIndexed, nowMs } = wish;
  const recorder = new Recorder(ports);
  recorder.start();
  const duty = (name: string, everyS: number, round: () => Promise<unknown>) =>
    startDuty({ name, everyMs: everyS * SECOND_MS, round: async () => void (await round()), log });
  const stops = [
    duty("progress", 5, createProgressTeller(ports, nowMs)),
    duty("audit", 15, () => audit(ports)),
    duty("trim stream", 30, () => trimStream(ports, { ageMs: replayMs })),
    duty("keep days", 3_600, () => keepDays(ports, { retentionDays, isTextIndexed, nowMs: nowMs() })),
  ];
  return async () => {
    await recorder.stop();
    await Promise.all(stops.map((stop) => stop()));
  };
}
