import { describe, expect, test } from "bun:test";
import { decodeWorkerBeat, sessionOf, type WorkerBeat, workerIdOf } from "@millrace/protocol/worker";

const BEAT: WorkerBeat = {
  worker_id: "w",
  session: "a",
  status: "active",
  capabilities: ["simulate"],
  max_concurrent_tasks: 5,
  current_tasks: [],
  started_at: "2026-01-15T12:00:00Z",
  last_heartbeat_at: "2026-01-15T12:00:30Z",
  heartbeat_interval: 30,
  system_info: { cpu_usage: 0.5, memory_usage: null, disk_usage: null },
};

describe("sessions", () => {
  test.each(["w", "worker-1", "a~b", "~", "host.example:1"])(
    "the worker of a session of %s is found again",
    (id) => {
      expect(workerIdOf(sessionOf(id, "x1"))).toBe(id);
    },
  );

  test("a text without a mark is its own worker", () => {
    expect(workerIdOf("w")).toBe("w");
  });
});

describe("beats", () => {
  const decode = (change: object) => decodeWorkerBeat(JSON.stringify({ ...BEAT, ...change }));

  test("what was written is read", () => {
    expect(decode({})).toEqual(BEAT);
  });

  test.each(["", "{", "null", "[]", "7", "{}"])("%j is none", (body) => {
    expect(decodeWorkerBeat(body)).toBeNull();
  });

  test.each([
    { worker_id: 7 },
    { worker_id: "" },
    { session: null },
    { session: undefined },
    { heartbeat_interval: undefined },
    { heartbeat_interval: 0 },
    { heartbeat_interval: -1 },
    { heartbeat_interval: "30" },
    { status: "fine" },
    { capabilities: null },
    { current_tasks: "t" },
  ])("%j is none: nobody could tell whether such a worker lives", (change) => {
    expect(decode(change)).toBeNull();
  });
});
