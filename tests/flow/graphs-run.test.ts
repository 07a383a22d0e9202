import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newDice } from "../support/dice.ts";
import { expectInOrder, FAILING, node, sendBatch, submitGraph } from "../support/graphs.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ MAX_WORKERS: "32", LONG_SLOTS: "2" }));
}, 90_000);
afterAll(() => stack?.close());

const MINUTES = 120_000;

describe("a graph runs", () => {
  test("a diamond, each task after its parents, submitted in the wrong order", async () => {
    const wishes = [node("d-4", ["d-2", "d-3"]), node("d-2", ["d-1"]), node("d-3", ["d-1"]), node("d-1")];
    await submitGraph(stack, wishes);
    await stack.untilEnded("d-4", 30_000);
    await expectInOrder(stack, "d-", wishes);
    expect(await stack.show("d-4")).toMatchObject({ dependencies: ["d-2", "d-3"], status: "completed" });
  });

  test(
    "1 000 wide, out and in, and each of the 1 000 runs once",
    async () => {
      const middle = Array.from({ length: 1_000 }, (_, index) => `w-m${index}`);
      const wishes = [node("w-in", middle), ...middle.map((id) => node(id, ["w-out"])), node("w-out")];
      await submitGraph(stack, wishes);
      await stack.untilEnded("w-in", 60_000);
      await expectInOrder(stack, "w-", wishes);
    },
    MINUTES,
  );

  test(
    "10 000 random tasks complete, each once and after its parents",
    async () => {
      const dice = newDice();
      const wishes = Array.from({ length: 10_000 }, (_, index) => {
        const count = Math.min(index, dice.between(0, 3));
        const parents = new Set(
          Array.from({ length: count }, () => dice.between(Math.max(0, index - 400), index - 1)),
        );
        return node(
          `r-${index}`,
          [...parents].map((parent) => `r-${parent}`),
        );
      });
      await submitGraph(
        stack,
        wishes.toSorted(() => dice.throw() - 0.5),
      );
      await stack.untilNoneOpen("r-", 90_000);
      await expectInOrder(stack, "r-", wishes);
    },
    MINUTES,
  );

  test(
    "a child of what has completed already runs at once, one of what runs waits",
    async () => {
      await stack.submit(node("c-done"));
      await stack.untilEnded("c-done");
      await stack.submit(node("c-slow", [], { payload: { duration_ms: 1_500, failure_rate: 0 } }));
      expect((await stack.submit(node("c-1", ["c-done"]))).phase).toBe("queued");
      const waiting = await stack.submit(node("c-2", ["c-done", "c-slow"]));
      expect(waiting).toMatchObject({
        phase: "waiting",
        status: "pending",
        dependencies: ["c-done", "c-slow"],
      });
      expect(await stack.untilEnded("c-2", 30_000)).toMatchObject({ status: "completed", attempts: 1 });
    },
    MINUTES,
  );

  test(
    "many children submitted one by one while their parents end: none is forgotten",
    async () => {
      for (let round = 0; round < 10; round += 1) {
        const parents = Array.from({ length: 10 }, (_, index) => `m-${round}-${index}`);
        await sendBatch(
          stack,
          parents.map((id) => node(id, [], { payload: { duration_ms: 20, failure_rate: 0 } })),
        );
        const children = parents.map((id) =>
          stack.submit(
            node(
              `${id}-child`,
              parents
                .slice(0, 3)
                .concat(id)
                .filter((one, at, all) => all.indexOf(one) === at),
            ),
          ),
        );
        await Promise.all(children);
      }
      await stack.untilNoneOpen("m-", 30_000);
      const kinds = await stack.sql`
      select distinct o.kind from outcomes o join tasks t using (seq) where t.task_id like 'm-%'`;
      expect([...kinds]).toEqual([{ kind: "completed" }]);
    },
    MINUTES,
  );

  test(
    "whoever follows a child hears of its release and of its end",
    async () => {
      await stack.submit(node("l-parent", [], { payload: { duration_ms: 1_000, failure_rate: 0 } }));
      await stack.submit(node("l-child", ["l-parent"]));
      const response = await fetch(`${stack.apiUrl}/api/tasks/l-child/stream`, {
        headers: { Authorization: `Bearer ${stack.apiKey}` },
      });
      const text = await response.text(); // It ends with the task.
      const phases = [...text.matchAll(/"phase":"(\w+)"/g)].map(([, phase]) => phase);
      expect([phases[0], phases.at(-1)]).toEqual(["waiting", "done"]);
    },
    MINUTES,
  );
});

describe("the results of parents", () => {
  test(
    "stand in their children's payloads when these run, and the payload that is shown keeps its templates",
    async () => {
      const payload = {
        duration_ms: "{{tasks.p-1.result.slept_ms}}",
        failure_rate: 0,
        error: "after {{tasks.p-1.result}}",
      };
      await submitGraph(stack, [
        node("p-1", [], { payload: { duration_ms: 30, failure_rate: 0 } }),
        node("p-2", ["p-1"], { payload }),
      ]);
      const done = await stack.untilEnded("p-2", 30_000);
      expect(done).toMatchObject({ status: "completed", payload });
      expect(done.result.slept_ms).toBe((await stack.show("p-1")).result.slept_ms);
    },
    MINUTES,
  );

  test(
    "that are not there fail the child at once, with the place, and without another attempt",
    async () => {
      const payload = { duration_ms: "{{tasks.q-1.result.not.there}}" };
      await submitGraph(stack, [node("q-1"), node("q-2", ["q-1"], { payload })]);
      expect(await stack.untilEnded("q-2", 30_000)).toMatchObject({
        ...{ status: "failed", attempts: 1 },
        error: {
          code: "TEMPLATE_PATH_MISSING",
          message: "/payload/duration_ms: the result of q-1 has no not.there",
        },
      });
    },
    MINUTES,
  );

  test(
    "are null when the parent did not complete and the child runs anyway",
    async () => {
      const payload = { duration_ms: 0, failure_rate: 0, seed: "{{tasks.z-1.result.x}}" };
      await submitGraph(stack, [
        node("z-1", [], FAILING),
        node("z-2", ["z-1"], { payload, on_parent_failure: "run" }),
      ]);
      expect((await stack.untilEnded("z-2", 30_000)).status).toBe("completed");
    },
    MINUTES,
  );

  test("can be asked of dependencies alone: another task's is refused with its place", async () => {
    await stack.submit(node("o-1"));
    const payload = { duration_ms: "{{tasks.o-1.result.slept_ms}}" };
    const { status, body } = await stack.call("POST", "/api/tasks", node("o-2", [], { payload }));
    expect([status, body.errors]).toEqual([
      422,
      [
        {
          path: "/payload/duration_ms",
          message: "{{tasks.o-1.result.slept_ms}} names the task o-1, which is not among the dependencies",
        },
      ],
    ]);
  });
});
