import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openWorkersBucket, putBeat, removeBeat, WorkerRegistry } from "@millrace/bus";
import type { WorkerBeat } from "@millrace/protocol";
import { type BusUnderTest, startBus, until } from "../../support/bus.ts";

function beatOf(worker_id: string, session = "a", heartbeat_interval = 30): WorkerBeat {
  return {
    worker_id,
    session,
    status: "active",
    capabilities: ["simulate"],
    max_concurrent_tasks: 5,
    current_tasks: [],
    started_at: "2026-01-15T12:00:00Z",
    last_heartbeat_at: "2026-01-15T12:00:00Z",
    heartbeat_interval,
    system_info: { cpu_usage: null, memory_usage: null, disk_usage: null },
  };
}

/** A registry whose clock the test moves. */
function registryAt() {
  const clock = { ms: 1_000_000 };
  return { registry: new WorkerRegistry(() => clock.ms), clock };
}

describe("a worker that falls silent", () => {
  test("is unhealthy after two intervals of its own, dead after three, and alive again with its next beat", () => {
    const { registry, clock } = registryAt();
    registry.hear(beatOf("w"));
    const liveness = () => registry.list()[0]?.liveness;
    const seen = [60_000 - 1, 1, 29_999, 1].map((stepMs) => {
      clock.ms += stepMs;
      return [liveness(), registry.isSessionDead("w~a")];
    });
    expect(seen).toEqual([
      ["alive", false],
      ["unhealthy", false],
      ["unhealthy", false],
      ["dead", true],
    ]);
    registry.hear(beatOf("w"));
    expect([liveness(), registry.isSessionDead("w~a")]).toEqual(["alive", false]);
  });

  test("is mourned once", () => {
    const { registry, clock } = registryAt();
    registry.hear(beatOf("w"));
    expect(registry.takeDeaths()).toBe(false);
    clock.ms += 90_000;
    expect([registry.takeDeaths(), registry.takeDeaths()]).toEqual([true, false]);
    registry.hear(beatOf("w"));
    expect(registry.takeDeaths()).toBe(false);
    clock.ms += 90_000;
    expect(registry.takeDeaths()).toBe(true);
  });
});

describe("sessions", () => {
  test("a new session of the same worker makes the old one dead at once", () => {
    const { registry } = registryAt();
    registry.hear(beatOf("w", "a"));
    registry.hear(beatOf("w", "b"));
    expect([registry.isSessionDead("w~a"), registry.isSessionDead("w~b")]).toEqual([true, false]);
    expect(registry.takeDeaths()).toBe(true);
  });

  test("one that nobody has heard of gets ten seconds of grace from the first question on", () => {
    const { registry, clock } = registryAt();
    expect(registry.isSessionDead("new~a")).toBe(false);
    clock.ms += 10_000;
    expect(registry.isSessionDead("new~a")).toBe(false);
    clock.ms += 1;
    expect(registry.isSessionDead("new~a")).toBe(true);
  });

  test("one that was heard of in its grace lives", () => {
    const { registry, clock } = registryAt();
    registry.isSessionDead("new~a");
    clock.ms += 9_000;
    registry.hear(beatOf("new"));
    clock.ms += 9_000;
    expect(registry.isSessionDead("new~a")).toBe(false);
  });

  test("grace is given afresh to a session that was forgotten in between", () => {
    const { registry, clock } = registryAt();
    registry.isSessionDead("w~a");
    registry.hear(beatOf("w"));
    registry.isSessionDead("w~a");
    clock.ms += 3_600_000;
    expect(registry.isSessionDead("w~a")).toBe(true); // Silent for an hour.
  });
});

describe("who was heard lately", () => {
  test("is who lives and has beaten within the time that is asked for, by its present session", () => {
    const { registry, clock } = registryAt();
    registry.hear(beatOf("quick", "a", 1));
    registry.hear(beatOf("slow", "b", 60));
    expect(registry.heardWithin(30_000)).toEqual(["quick~a", "slow~b"]);
    clock.ms += 2_000; // Two beats of the quick one are missing.
    expect(registry.heardWithin(30_000)).toEqual(["slow~b"]);
    registry.hear(beatOf("quick", "c", 1));
    clock.ms += 29_000; // The slow one lives, and says nothing of the last half minute.
    expect(registry.heardWithin(30_000)).toEqual([]);
  });
});

describe("the bucket", () => {
  let under: BusUnderTest;
  beforeAll(async () => {
    under = await startBus();
  });
  afterAll(() => under.close());

  test("tells who was there before, who comes, and who says goodbye", async () => {
    const bucket = await openWorkersBucket(under.bus);
    await putBeat(bucket, beatOf("early"));
    const { registry } = registryAt();
    await registry.watch(under.bus);
    await until("the early one is known", () => registry.list().length === 1);
    await putBeat(bucket, beatOf("late"));
    await until("the late one is known", () => registry.list().length === 2);
    await removeBeat(bucket, "early");
    await until("the early one is gone", () => registry.list().length === 1);
    expect(registry.takeDeaths()).toBe(true);
    registry.stop();
  });

  test("keeps workers apart whose ids a key cannot hold", async () => {
    const bucket = await openWorkersBucket(under.bus);
    const ids = [
      "w:1",
      "w=3a1",
      "w=003a1",
      "Σ",
      ".",
      "a.",
      ".a",
      "a..b",
      "w 1",
      "w*",
      "w>",
      "ü/🦦",
      "W:1",
      "\u03a1",
    ];
    const { registry } = registryAt();
    await registry.watch(under.bus);
    for (const id of ids) await putBeat(bucket, beatOf(id));
    const known = () => registry.list().map(({ beat }) => beat.worker_id);
    await until("all are known", () => ids.every((id) => known().includes(id)));
    for (const id of ids) await removeBeat(bucket, id);
    await until("all are gone", () => ids.every((id) => !known().includes(id)));
    registry.stop();
  });

  test("survives a value that is no beat", async () => {
    const bucket = await openWorkersBucket(under.bus);
    const { registry } = registryAt();
    await registry.watch(under.bus);
    await bucket.put("odd", "{not json");
    await bucket.put("odder", JSON.stringify({ ...beatOf("odder"), heartbeat_interval: null }));
    await putBeat(bucket, beatOf("fine"));
    await until("the sound one is known", () =>
      registry.list().some(({ beat }) => beat.worker_id === "fine"),
    );
    expect(registry.list().map(({ beat }) => beat.worker_id)).not.toContain("odder");
    registry.stop();
  });

  test("is asked before a session is taken for dead: it may know one that was never heard", async () => {
    const bucket = await openWorkersBucket(under.bus);
    const { registry } = registryAt();
    await registry.watch(under.bus);
    registry.hear(beatOf("w", "a"));
    registry.stop(); // From here on it hears nothing more.
    await putBeat(bucket, beatOf("w", "b"));
    expect(registry.isSessionDead("w~b")).toBe(true);
    expect([await registry.confirmDeath("w~b"), await registry.confirmDeath("w~a")]).toEqual([false, true]);
  });

  test("that stands still makes nobody dead: silence counts from the end of the standstill", async () => {
    const bucket = await openWorkersBucket(under.bus);
    await putBeat(bucket, beatOf("w", "a", 2));
    const registry = new WorkerRegistry();
    await registry.watch(under.bus);
    const stoodStillAtMs = performance.now();
    process.kill(under.server.pid, "SIGSTOP");
    await until("six seconds are over", () => performance.now() - stoodStillAtMs > 6_000);
    expect([registry.takeDeaths(), registry.isSessionDead("w~a")]).toEqual([false, false]);
    process.kill(under.server.pid, "SIGCONT");
    const wentOnAtMs = performance.now();
    await until("the silent one is dead", () => registry.isSessionDead("w~a"));
    expect(performance.now() - wentOnAtMs).toBeGreaterThan(5_000);
    expect(await registry.confirmDeath("w~a")).toBe(true);
    registry.stop();
  }, 30_000);
});
