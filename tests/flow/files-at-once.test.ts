import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { blobsOf, fileResultOf, resultOf, startHostileWorker, submitFile } from "../support/file-tasks.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const THREADS = 2;
/** The first one has brought six files before the others come. */
const OWNERS = ["a", "a", "a", "a", "a", "a", "b", "b", "c", "c"] as const;
const OWNER_IDS = { a: 101, b: 102, c: 103 } as const;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ MAX_FILE_WORKERS: "0" }));
}, 90_000);
afterAll(() => stack?.close());

test("of ten files of three users never more than two are processed at once, and nobody waits for all of another's", async () => {
  const worker = await startHostileWorker(stack, { MAX_FILE_WORKERS: String(THREADS) });
  const blobs = await blobsOf(stack);
  const gate = (index: number) => join(stack.home, `gate-${index}`);
  const ids: string[] = [];
  for (const [index, owner] of OWNERS.entries())
    ids.push(
      await submitFile(
        { ...stack, blobs },
        {
          ...{ operation: "uppercase", ownerId: OWNER_IDS[owner], filename: `${owner}.txt` },
          content: `!wait ${gate(index)}\n${owner} ${index}\n`,
        },
      ),
    );

  const order: number[] = [];
  const running = async () =>
    (
      await stack.sql<{ task_id: string }[]>`
        select t.task_id from open_tasks o join tasks t using (seq) where o.claimed_by is not null`
    ).map((row) => ids.indexOf(row.task_id));
  for (let ended = 0; ended < ids.length; ended += 1) {
    const wanted = Math.min(THREADS, ids.length - ended);
    let now: number[] = [];
    await untilTrue(
      async () => {
        now = await running();
        return now.length === wanted;
      },
      30_000,
      `${wanted} running files`,
    );
    order.push(...now.filter((index) => !order.includes(index)));
    const next = order[ended];
    if (next === undefined) throw new Error("nothing runs");
    await Bun.write(gate(next), "open");
    expect(await stack.untilEnded(ids[next] ?? "", 30_000)).toMatchObject({ status: "completed" });
  }
  await worker.stop();

  const runs = await stack.sql<{ started_at: Date; ended_at: Date }[]>`
    select started_at, ended_at from outcomes join tasks using (seq) where task_type = 'file.process'`;
  expect(runs).toHaveLength(ids.length);
  const atOnce = runs.map(
    (run) => runs.filter((one) => one.started_at <= run.started_at && one.ended_at > run.started_at).length,
  );
  expect(Math.max(...atOnce)).toBe(THREADS);
  // Two of the first one's ran already when the others came.
  const owners = order.map((index) => OWNERS[index]);
  expect(new Set(owners.slice(0, 5))).toEqual(new Set(["a", "b", "c"]));
  for (const [index, fileId] of ids.entries()) {
    const { result } = fileResultOf(await stack.show(fileId));
    const text = new TextDecoder().decode(await resultOf(blobs, result));
    expect(text.split("\n")[1]).toBe(`${OWNERS[index]} ${index}`.toUpperCase());
  }
}, 180_000);
