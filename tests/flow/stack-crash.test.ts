import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { tempHome } from "../support/servers.ts";
import { eventually, isAllGone, type StackUnderTest, startStack } from "../support/stack-under-test.ts";

const START_MS = 90_000;

function pidOf(stack: StackUnderTest, name: string): number {
  const found = stack.run().processes.find((each) => each.name === name);
  if (found === undefined) throw new Error(`run.json names no ${name}`);
  return found.pid;
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/health/ready`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

test(
  "whatever is killed comes back: the worker, the api, NATS, PostgreSQL",
  async () => {
    const home = await tempHome();
    const stack = await startStack({ home });
    const url = await stack.ready();
    for (const name of ["worker", "api", "nats", "postgres"]) {
      const killed = pidOf(stack, name);
      process.kill(killed, "SIGKILL");
      await eventually(`run.json names another ${name}`, () => {
        const now = stack.run().processes.find((each) => each.name === name)?.pid;
        return now !== undefined && now !== killed;
      });
      await stack.line(new RegExp(`${name} +ended \\(SIGKILL\\)`));
      await eventually(`the api is ready again after ${name} was killed`, () => isReady(url));
    }
    stack.signal("SIGTERM");
    expect((await stack.ended()).status).toBe(0);
  },
  2 * START_MS,
);

test(
  "nothing survives a supervisor that was killed, and the next start works",
  async () => {
    const home = await tempHome();
    const first = await startStack({ home });
    await first.ready();
    const marks = first.marks();
    first.signal("SIGKILL");
    await first.ended();
    expect(existsSync(join(home, "run.json"))).toBe(true); // Nobody was left to remove it.
    await eventually("all processes are gone", () => isAllGone(home, marks));

    const second = await startStack({ home });
    expect(await isReady(await second.ready())).toBe(true);
    second.signal("SIGTERM");
    expect((await second.ended()).status).toBe(0);
  },
  2 * START_MS,
);

test(
  "a start right after the kill stops what is still there first",
  async () => {
    const home = await tempHome();
    const first = await startStack({ home });
    await first.ready();
    const marks = first.marks();
    first.signal("SIGKILL");
    const second = await startStack({ home });
    expect(await isReady(await second.ready())).toBe(true);
    expect(isAllGone(join(home, "none"), marks)).toBe(true);
    second.signal("SIGTERM");
    expect((await second.ended()).status).toBe(0);
  },
  2 * START_MS,
);
