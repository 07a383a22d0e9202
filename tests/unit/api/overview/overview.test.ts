import { expect, test } from "bun:test";
import { Overview, type OverviewSources } from "@millrace/api/overview/overview";
import type { Breaker } from "@millrace/core/breaker";
import { createLog } from "@millrace/observe";
import type { LiveTasks } from "@millrace/protocol";

const OPEN = {
  ...{ waiting: 1, scheduled: 2, queued: 3, retryWait: 4, running: 5 },
  ...{ isCapped: false, deadLetters: 6, areDeadLettersCapped: false },
};

function stage(overrides: Partial<OverviewSources> = {}) {
  const calls = { open: 0, own: 0, history: 0, depths: 0, parts: 0, following: 0 };
  let tell: (told: LiveTasks) => void = () => {};
  const sources: OverviewSources = {
    countOpen: async () => {
      calls.open += 1;
      return OPEN;
    },
    countOwn: async (ids) => {
      calls.own += 1;
      const counts = { pending: 0, running: 0, completed: 1, failed: 0, cancelled: 0 };
      return ids.map((ownerId) => ({ ownerId, ...counts }));
    },
    readHistory: async () => {
      calls.history += 1;
      return [];
    },
    readDepths: async () => {
      calls.depths += 1;
      return [];
    },
    readPauses: async () => ["long"],
    readBreakers: async () => [],
    followDepth: () => {},
    askParts: async () => {
      calls.parts += 1;
      return [];
    },
    followSteps: (handle) => {
      calls.following += 1;
      tell = handle;
      return () => {
        calls.following -= 1;
      };
    },
    workers: () => [],
    readiness: async () => ({ status: "ready", checks: {} }),
    alerts: () => [],
    ...overrides,
  };
  const log = createLog({
    ...{ service: "test", level: "CRITICAL", format: "json" },
    destination: { write: () => {}, flush: () => {} },
  });
  const overview = new Overview({ sources, log, nowMs: Date.now });
  return { overview, calls, tell: (told: LiveTasks) => tell(told) };
}

test("nobody watches, nothing is asked; a hundred who come at once ask once", async () => {
  const { overview, calls } = stage();
  expect(calls.open + calls.depths + calls.parts + calls.history).toBe(0);
  await Promise.all(Array.from({ length: 100 }, () => overview.ready(null)));
  expect(calls).toMatchObject({ open: 1, depths: 1, parts: 1, history: 1, following: 1 });
  overview.stop();
  expect(calls.following).toBe(0);
});

test("the counts add up, and what a source cannot say leaves the rest as it is", async () => {
  const { overview } = stage({ readDepths: () => Promise.reject(new Error("NATS is away")) });
  await overview.ready(null);
  expect(overview.whole().counts).toMatchObject({ pending: 10, queued: 3, running: 5, dead_letters: 6 });
  expect(overview.whole()).toMatchObject({ depth: [], paused: ["long"] });
  overview.stop();
});

test("steps are counted with those that are not named", async () => {
  const { overview, tell } = stage();
  await overview.ready(null);
  const task = { seq: 1, task_id: "a", attempt: 0, status: "pending", phase: "queued" } as const;
  tell({ worker_id: "api", at: new Date().toISOString(), tasks: [{ ...task, others: 99 }] });
  const done = { ...task, attempt: 1, status: "completed", phase: "done", took_ms: 40 } as const;
  tell({ worker_id: "w", at: new Date().toISOString(), tasks: [done] });
  const [, bucket] = overview.tick().latest;
  const [former] = overview.tick().latest;
  expect((bucket?.submitted ?? 0) + (former?.submitted ?? 0)).toBe(100);
  expect(overview.whole().run_ms.p50).toBeGreaterThan(30);
  overview.stop();
});

test("users who look are counted by one query, and are told neither reasons nor processes", async () => {
  const parts = [
    { name: "worker", instance: "w", status: "not_ready", checks: { nats: { status: "down" } } },
  ] as const;
  const { overview, calls } = stage({ askParts: async () => parts });
  await overview.ready(null);
  await Promise.all([7, 7, 7].map((id) => overview.ready(id)));
  expect(calls.own).toBeLessThanOrEqual(3);
  const own = overview.own(7);
  expect(own).toMatchObject({ scope: "own", counts: { completed: 1 } });
  expect(own.parts.find(({ name }) => name === "worker")).toEqual({
    ...{ name: "worker", status: "degraded", reason: null, instances: 0, checks: {} },
  });
  overview.stop();
});

test("breakers that let nothing through stand first, then those that somebody holds; closed ones last", async () => {
  const sinceMs = Date.now();
  const down = { sinceMs, openings: 1, reason: "CONNECT_FAILED" };
  const known = (origin: string, breaker: Breaker) => ({ origin, breaker, revision: 1 });
  const { overview } = stage({
    readBreakers: async () => [
      known("http://a", { kind: "closed", sinceMs }),
      known("http://b", { kind: "forced_open", sinceMs, by: "user:1", reason: null }),
      known("http://d", { kind: "open", ...down, probeAtMs: sinceMs }),
      known("http://c", { kind: "open", ...down, probeAtMs: sinceMs }),
    ],
  });
  await overview.ready(null);
  const told = overview.tick().breakers.map(({ origin, state }) => `${origin} ${state}`);
  expect(told).toEqual(["http://c open", "http://d open", "http://b forced_open", "http://a closed"]);
  overview.stop();
});

test("how much waits is told by a scheduler, also before anybody watches", async () => {
  let tell: (depth: { pending: number; running: number }) => void = () => {};
  const followDepth = (handle: typeof tell) => {
    tell = handle;
  };
  const { overview, calls } = stage({ followDepth, countOpen: () => Promise.reject(new Error("away")) });
  tell({ pending: 12, running: 3 });
  expect(calls.open + calls.depths).toBe(0);
  await overview.ready(null);
  expect(overview.whole().history.findLast(({ pending }) => pending !== null)).toMatchObject({
    ...{ pending: 12, running: 3 },
  });
  overview.stop();
});

test("a source that does not answer holds up neither the ticks nor the others, and is not asked again meanwhile", async () => {
  let asked = 0;
  const states = ["up", "down"] as const;
  const { overview, calls } = stage({
    readDepths: () => {
      asked += 1;
      return new Promise(() => {});
    },
    readiness: async () => ({
      status: "not_ready",
      checks: { nats: { status: states[Math.min(1, calls.parts - 1)] ?? "down", reason: "gone" } },
    }),
  });
  const { promise: isDown, resolve } = Promise.withResolvers<void>();
  const statusOf = () => overview.tick().parts.find(({ name }) => name === "nats")?.status;
  const end = overview.watch({
    ownerId: null,
    onTick: () => {
      if (statusOf() === "down") resolve();
    },
    onSteps: () => {},
  });
  await isDown;
  expect(asked).toBe(1);
  end();
  overview.stop();
});
