import { expect, test } from "bun:test";
import { ABORT_GRACE_MS, WORKER_DRAIN_MS_MAX } from "@millrace/core/limits";
import { isAlive, markOf } from "@millrace/stack/process-mark";
import { DRAIN_TIMES, drain } from "@millrace/stack/supervise/drain";
import type { ProcessSpec } from "@millrace/stack/supervise/process-spec";
import { type Death, Supervised } from "@millrace/stack/supervise/supervised";

/** A shell with this script, kept running; and what happened to it, to be awaited. */
function supervise(script: string, more: Partial<ProcessSpec> = {}) {
  const lines: string[] = [];
  const deaths: Death[] = [];
  const pids: number[] = [];
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const check of waiting) check();
  };
  const supervised = new Supervised(
    {
      name: "test",
      command: ["sh", "-c", script],
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      stopSignal: "SIGTERM",
      findAlarm: () => undefined,
      ...more,
    },
    {
      onStart: (pid) => {
        pids.push(pid);
        changed();
      },
      onOutput: () => {},
      onLine: (line) => {
        lines.push(line);
        changed();
      },
      onDeath: (death) => {
        deaths.push(death);
        changed();
      },
    },
  );
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!isSo()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { supervised, lines, deaths, pids, until };
}

test("what dies is started again, as another process", async () => {
  const { supervised, pids, deaths, until } = supervise("exec sleep 60");
  await until(() => pids.length === 1);
  process.kill(pids[0] ?? 0, "SIGKILL");
  await until(() => pids.length === 2);
  expect(deaths).toEqual([{ how: "SIGKILL", exitCode: null, restartMs: 200 }]);
  expect(pids[0]).not.toBe(pids[1]);
  await supervised.stop();
});

test("what dies at once waits longer each time, and its last words are kept", async () => {
  const { supervised, deaths, until } = supervise("echo no configuration >&2; exit 3");
  await until(() => deaths.length === 3);
  expect(deaths.map(({ how, restartMs }) => [how, restartMs])).toEqual([
    ["exit 3", 200],
    ["exit 3", 400],
    ["exit 3", 800],
  ]);
  expect(supervised.deaths).toBe(3);
  expect(supervised.lastExitCode).toBe(3);
  expect(supervised.lastLines).toContain("no configuration");
  await supervised.stop();
});

test("a program that does not exist is a death, not an exception", async () => {
  const { supervised, deaths, until } = supervise("", { command: ["/nowhere/program"] });
  await until(() => deaths.length === 1);
  expect(deaths[0]?.how).toMatch(/ENOENT|no such file/i);
  await supervised.stop();
});

test("what is told to stop is not started again, nor is its end a death", async () => {
  const { supervised, pids, deaths, lines, until } = supervise(
    "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done",
  );
  await until(() => lines.includes("up"));
  await supervised.stop();
  expect(deaths).toEqual([]);
  expect(pids).toHaveLength(1);
  expect(supervised.pid).toBeUndefined();
});

test("a stop while it waits for its restart takes no longer than that moment", async () => {
  const { supervised, deaths, until, pids } = supervise("exit 1");
  await until(() => deaths.length === 4);
  const fromMs = performance.now();
  await supervised.stop();
  expect(performance.now() - fromMs).toBeLessThan(500);
  expect(pids).toHaveLength(4);
});

test("a Ctrl-C in the terminal does not reach it: it has a session of its own", async () => {
  const { supervised, pids, until } = supervise("exec sleep 60");
  await until(() => pids.length === 1);
  const group = Bun.spawnSync(["ps", "-o", "pgid=", "-p", String(pids[0])])
    .stdout.toString()
    .trim();
  expect(Number(group)).toBe(pids[0] ?? 0);
  await supervised.stop();
});

const DEAF = "trap '' TERM; echo up; while :; do sleep 0.05; done";
const TIMES = { frontMs: 100, servicesMs: 300, serversMs: 300 };

test("a drain asks the front first, and the servers only when the services are gone", async () => {
  const ends: string[] = [];
  const polite = (name: string) =>
    supervise("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done", { name });
  const [api, worker, nats] = [polite("api"), polite("worker"), polite("nats")];
  for (const each of [api, worker, nats]) {
    await each.until(() => each.lines.includes("up"));
    void each.until(() => each.lines.includes("bye")).then(() => ends.push(each.supervised.spec.name));
  }
  const times = { frontMs: 5_000, servicesMs: 8_000, serversMs: 5_000 };
  expect(await drain([api.supervised, worker.supervised], [nats.supervised], times)).toEqual({ killed: [] });
  expect(ends).toEqual(["api", "worker", "nats"]);
});

test("a stop leaves a worker the time that it takes to give its tasks back, and is over within ten seconds", () => {
  const { frontMs, servicesMs, serversMs } = DRAIN_TIMES;
  expect(servicesMs - frontMs).toBeGreaterThanOrEqual(WORKER_DRAIN_MS_MAX + ABORT_GRACE_MS + 500);
  expect(servicesMs + serversMs).toBeLessThan(10_000);
});

test("a drain kills what does not listen, and says so", async () => {
  const deaf = supervise(DEAF, { name: "deaf" });
  await deaf.until(() => deaf.lines.includes("up"));
  const mark = markOf(deaf.pids[0] ?? 0);
  const fromMs = performance.now();
  expect(await drain([deaf.supervised], [], TIMES)).toEqual({ killed: ["deaf"] });
  expect(performance.now() - fromMs).toBeLessThan(2_000);
  expect(mark && isAlive(mark)).toBe(false);
});

test("a drain without processes is over at once", async () => {
  expect(await drain([], [], TIMES)).toEqual({ killed: [] });
});
