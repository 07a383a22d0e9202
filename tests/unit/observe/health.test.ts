import { describe, expect, test } from "bun:test";
import { createHealth } from "@millrace/observe";

const up = async () => {};
const down = (reason: string) => async () => {
  throw new Error(reason);
};

test("it is ready when every check passes", async () => {
  const health = createHealth({ checks: { nats: up, postgres: up } });
  expect(await health.ready()).toEqual({
    status: "ready",
    checks: { nats: { status: "up" }, postgres: { status: "up" } },
  });
});

test("what is down is named, with the reason and without secrets", async () => {
  const health = createHealth({
    checks: { nats: up, postgres: down("no route to postgres://u:hunter2@db/m") },
  });
  expect(await health.ready()).toEqual({
    status: "not_ready",
    checks: {
      nats: { status: "up" },
      postgres: { status: "down", reason: "no route to postgres://[redacted]@db/m" },
    },
  });
});

test("a check that throws at once counts as down", async () => {
  const health = createHealth({
    checks: {
      odd: () => {
        throw "a string";
      },
    },
  });
  expect((await health.ready()).checks.odd).toEqual({ status: "down", reason: "a string" });
});

test("a check that never answers counts as down after its time-out, and is not asked again meanwhile", async () => {
  let asked = 0;
  const hangs = () => {
    asked += 1;
    return new Promise<void>(() => {});
  };
  const health = createHealth({ checks: { hangs, fine: up }, timeoutMs: 5, cacheMs: 0 });
  for (let round = 0; round < 3; round += 1)
    expect((await health.ready()).checks).toEqual({
      fine: { status: "up" },
      hangs: { status: "down", reason: "no answer within 5 ms" },
    });
  expect(asked).toBe(1);
});

test("probes share one answer for as long as it is fresh", async () => {
  let asked = 0;
  let nowMs = 0;
  const counts = async () => {
    asked += 1;
  };
  const health = createHealth({ checks: { counts }, cacheMs: 1_000, now: () => nowMs });
  await Promise.all([health.ready(), health.ready(), health.ready()]);
  nowMs = 999;
  await health.ready();
  expect(asked).toBe(1);
  nowMs = 1_000;
  await health.ready();
  expect(asked).toBe(2);
});

test("a reason is bounded", async () => {
  const readiness = await createHealth({ checks: { long: down("x".repeat(10_000)) } }).ready();
  expect(JSON.stringify(readiness).length).toBeLessThan(500);
});

describe("draining", () => {
  test("a process that leaves is alive and not ready, at once", async () => {
    const health = createHealth({ checks: { nats: up } });
    expect((await health.ready()).status).toBe("ready");
    health.drain();
    expect(await health.ready()).toEqual({
      status: "not_ready",
      checks: { nats: { status: "up" }, process: { status: "down", reason: "draining" } },
    });
    expect(health.live()).toEqual({ status: "live" });
  });
});
