/**
 * Events over HTTP, on the whole product as `bun start` runs it: every answer comes after an fsync in NATS. The load
 * generator runs on the same cores.
 */
import { cpuSeconds } from "../support/cpu-time.ts";
import { percentile, runLoad } from "../support/http-load.ts";
import { type RunningStack, startStack } from "../support/running-stack.ts";

const LINES = 1_000;
const CONNECTIONS_SINGLE = 128;
const CONNECTIONS_BATCH = 8;

export async function benchEvents(say: (line: string) => void): Promise<void> {
  const stack = await startStack({ LOG_LEVEL: "WARNING" });
  try {
    // What is accepted, alone: the recorder would use the same cores. It has its own lines further down.
    const recorder = await pauseRecorder(stack);
    await batches(stack, 300, () => {}); // Warms the compilers and caches of all processes.
    await batches(stack, 2_000, say);
    await batches(stack, 2_000, say);
    await singles(stack, 10_000, () => {});
    await singles(stack, 100_000, say);
    await singles(stack, 100_000, say);
    recorder.resume();
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

/** About 240 bytes, as a web service would write it. */
function eventLine(n: number): string {
  return JSON.stringify({
    timestamp: new Date(Date.now() - (n % 1_000)).toISOString(),
    type: "http.request",
    level: n % 50 === 0 ? "error" : "info",
    source: "shop-api",
    message: `GET /products/${n} 200 in ${n % 97} ms`,
    attributes: { method: "GET", path: `/products/${n}`, status: 200, duration_ms: 12.5, user: `u-${n}` },
  });
}

async function batches(stack: RunningStack, requests: number, say: (line: string) => void): Promise<void> {
  const { api_url: url, api_key: key } = await stack.run();
  const bodies = Array.from({ length: 16 }, (_, which) =>
    Buffer.from(Array.from({ length: LINES }, (_, n) => eventLine(which * LINES + n)).join("\n")),
  );
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
}

async function singles(stack: RunningStack, requests: number, say: (line: string) => void): Promise<void> {
  const { api_url: url, api_key: key } = await stack.run();
  const body = eventLine(1);
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
}

type CpuByProcess = ReadonlyMap<string, number>;

async function cpuByProcess(stack: RunningStack): Promise<CpuByProcess> {
  const { processes } = await stack.run();
  const used = new Map(processes.map(({ name, pid }) => [name, cpuSeconds(pid)]));
  return used.set("load", process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6);
}

function perEvent(before: CpuByProcess, after: CpuByProcess, events: number): string {
  return [...after]
    .map(([name, seconds]) => [name, ((seconds - (before.get(name) ?? 0)) * 1e6) / events] as const)
    .filter(([, micros]) => micros >= 0.01)
    .map(([name, micros]) => `${name} ${micros.toFixed(2)}`)
    .join(", ");
}

function unexpected(statuses: ReadonlyMap<number, number>): string {
  const others = [...statuses].filter(([status]) => status !== 202);
  return others.length === 0 ? "" : `, NOT 202: ${JSON.stringify(others)}`;
}

function perSecond(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", " ");
}
