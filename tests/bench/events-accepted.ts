/**
 * Events over HTTP, on the whole product as `bun start` runs it: every answer comes after an fsync in NATS. The load
 * generator runs on the same cores.
 */
import { percentile, runLoad } from "../support/http-load.ts";
import { type RunningStack, startStack } from "../support/running-stack.ts";
import { cpuByProcess, perEvent } from "./cpu-by-process.ts";
import { asNdjson, benchBatch, benchEvent, LINES, perSecond } from "./event-lines.ts";

const CONNECTIONS_SINGLE = 128;
const CONNECTIONS_BATCH = 8;

export interface Accepted {
  /** Events/s, in requests of 1 000. */
  readonly batches: number;
  /** Events/s, one per request. */
  readonly singles: number;
}

/** The better of two rounds of each; all are told. */
export async function measureAccepted(say: (line: string) => void): Promise<Accepted> {
  const stack = await startStack({ LOG_LEVEL: "WARNING" });
  try {
    // What is accepted, alone: the recorder would use the same cores. The whole way has lines of its own.
    const recorder = await pauseRecorder(stack);
    await batches(stack, 300, () => {}); // Warms the compilers and caches of all processes.
    const many = [await batches(stack, 2_000, say), await batches(stack, 2_000, say)];
    await singles(stack, 10_000, () => {});
    const one = [await singles(stack, 100_000, say), await singles(stack, 100_000, say)];
    recorder.resume();
    return { batches: Math.max(...many), singles: Math.max(...one) };
  } finally {
    await stack.stop();
  }
}

async function pauseRecorder(stack: RunningStack): Promise<{ resume(): void }> {
  const { processes } = await stack.run();
  const pids = processes.filter(({ name }) => name === "recorder").map(({ pid }) => pid);
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  return {
    resume: () => {
      for (const pid of pids) process.kill(pid, "SIGCONT");
    },
  };
}

async function batches(stack: RunningStack, requests: number, say: (line: string) => void): Promise<number> {
  const { api_url: url, api_key: key } = await stack.run();
  const bodies = Array.from({ length: 16 }, (_, which) => asNdjson(benchBatch(which)));
  const cpuBefore = await cpuByProcess(stack);
  const report = await runLoad({
    url,
    path: "/api/events",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/x-ndjson" },
    connections: CONNECTIONS_BATCH,
    requests,
    body: (n) => bodies[n % bodies.length] ?? "",
  });
  const cpu = await cpuByProcess(stack);
  const events = requests * LINES;
  const bytes = bodies[0]?.length ?? 0;
  say(
    `NDJSON, ${LINES} events of ${Math.round(bytes / LINES)} bytes per request, ${CONNECTIONS_BATCH} connections: ${perSecond(report.requestsPerSecond * LINES)} events/s, ${Math.round((report.requestsPerSecond * bytes) / 1e6)} MB/s${unexpected(report.statuses)}`,
  );
  say(`  CPU per event in µs: ${perEvent(cpuBefore, cpu, events)}`);
  return report.requestsPerSecond * LINES;
}

async function singles(stack: RunningStack, requests: number, say: (line: string) => void): Promise<number> {
  const { api_url: url, api_key: key } = await stack.run();
  const body = JSON.stringify(benchEvent(1, Date.now()));
  const cpuBefore = await cpuByProcess(stack);
  const report = await runLoad({
    url,
    path: "/api/events",
    headers: { Authorization: `Bearer ${key}` },
    connections: CONNECTIONS_SINGLE,
    requests,
    body: () => body,
  });
  const cpu = await cpuByProcess(stack);
  say(
    `one event per request, ${CONNECTIONS_SINGLE} connections: ${perSecond(report.requestsPerSecond)} requests/s, p50 ${percentile(report.latenciesMs, 0.5).toFixed(1)} ms, p99 ${percentile(report.latenciesMs, 0.99).toFixed(1)} ms${unexpected(report.statuses)}`,
  );
  say(`  CPU per event in µs: ${perEvent(cpuBefore, cpu, requests)}`);
  return report.requestsPerSecond;
}

function unexpected(statuses: ReadonlyMap<number, number>): string {
  const others = [...statuses].filter(([status]) => status !== 202);
  return others.length === 0 ? "" : `, NOT 202: ${JSON.stringify(others)}`;
}
