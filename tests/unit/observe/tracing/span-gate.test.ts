import { expect, test } from "bun:test";
import { TRACE_SPANS_WAITING_MAX } from "@millrace/core/limits";
import { createLog, createMetrics } from "@millrace/observe";
import { SpanGate } from "@millrace/observe/tracing/span-gate";

type Processor = Parameters<SpanGate["before"]>[0];
type Exporter = Parameters<SpanGate["watch"]>[0];
type Ended = Parameters<Processor["onEnd"]>[0];

const [SUCCESS, FAILED] = [0, 1];

function gateUnderTest() {
  const lines: string[] = [];
  const metrics = createMetrics({ service: "test" });
  const destination = { write: (line: string) => void lines.push(line), flush: () => {} };
  const log = createLog({ service: "test", level: "INFO", format: "json", destination });
  const clock = { nowMs: 0 };
  const gate = new SpanGate({ log, metrics, nowMs: () => clock.nowMs });
  const queue: Ended[] = [];
  const processor = gate.before({
    onStart: () => {},
    onEnd: (span) => void queue.push(span),
    forceFlush: async () => {},
    shutdown: async () => {},
  } satisfies Processor);
  const span = {} as Ended; // Nobody looks into it.
  const answers = { code: SUCCESS as number, error: undefined as Error | undefined };
  const exporter = gate.watch({
    export: (_, done) =>
      done({ code: answers.code, ...(answers.error !== undefined && { error: answers.error }) }),
    shutdown: async () => {},
  } as Exporter);
  const metric = async (pattern: RegExp) => pattern.exec(await metrics.render())?.[1];
  return {
    ...{ queue, lines, clock, answers, metric },
    end: (count: number) => {
      for (let n = 0; n < count; n += 1) processor.onEnd(span);
    },
    send: () => exporter.export(queue.splice(0, 512), () => {}),
  };
}

const DROPPED_FULL = /spans_dropped_total\{[^}]*reason="queue_full"[^}]*\} (\d+)/;
const DROPPED_FAILED = /spans_dropped_total\{[^}]*reason="export_failed"[^}]*\} (\d+)/;
const EXPORTED = /spans_exported_total\{[^}]*\} (\d+)/;

test("no more spans wait than may, however many end; the rest is counted", async () => {
  const gate = gateUnderTest();
  gate.end(TRACE_SPANS_WAITING_MAX + 1_000);
  expect(gate.queue).toHaveLength(TRACE_SPANS_WAITING_MAX);
  expect(await gate.metric(DROPPED_FULL)).toBe("1000");
});

test("what was sent makes room, whether the collector took it or not", async () => {
  const gate = gateUnderTest();
  gate.end(TRACE_SPANS_WAITING_MAX);
  gate.send();
  gate.answers.code = FAILED;
  gate.send();
  expect(await gate.metric(EXPORTED)).toBe("512");
  expect(await gate.metric(DROPPED_FAILED)).toBe("512");
  gate.end(2_000);
  expect(gate.queue).toHaveLength(TRACE_SPANS_WAITING_MAX);
  expect(await gate.metric(DROPPED_FULL)).toBe("976");
});

test("a collector that is away is told of once a minute, with how many spans were lost since", () => {
  const gate = gateUnderTest();
  gate.answers.code = FAILED;
  gate.answers.error = new Error("ECONNREFUSED");
  for (let second = 0; second < 120; second += 1) {
    gate.clock.nowMs = second * 1_000;
    gate.end(10);
    gate.send();
  }
  const told = gate.lines.map((line) => JSON.parse(line));
  expect(told.map(({ level, spans }) => [level, spans])).toEqual([
    ["WARNING", 10],
    ["WARNING", 600],
  ]);
  expect(told[0].error_message).toBe("ECONNREFUSED");
});
