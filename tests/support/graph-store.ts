import {
  advanceGraphs,
  claimAttempts,
  findTask,
  type GraphSubmission,
  type NewTask,
  type Settlement,
  type Sql,
  settleAttempts,
  submitGraph,
} from "@millrace/store";
import { newTask } from "./task-store.ts";

/** `{ c: ["a", "b"] }`: the task c depends on a and b. */
export type Shape = Readonly<Record<string, readonly string[]>>;

export function tasksOf(shape: Shape, overrides: Partial<NewTask> = {}): readonly NewTask[] {
  return Object.entries(shape).map(([task_id, dependencies]) =>
    newTask({ task_id, dependencies: dependencies.length === 0 ? null : dependencies, ...overrides }),
  );
}

/** In one transaction, as the api does it. */
export async function trySubmit(
  sql: Sql,
  tasks: readonly NewTask[],
  refused: ReadonlySet<string> = new Set(),
): Promise<readonly GraphSubmission[]> {
  return await sql.begin((transaction) =>
    submitGraph(transaction, {
      tasks,
      refused,
      isSame: (index, { taskId }) => tasks[index]?.task_id === taskId,
    }),
  );
}

/** All of which must be new and right; their internal ids by their names. */
export async function submitShape(
  sql: Sql,
  shape: Shape,
  overrides: Partial<NewTask> = {},
): Promise<ReadonlyMap<string, number>> {
  const tasks = tasksOf(shape, overrides);
  const answers = await trySubmit(sql, tasks);
  return new Map(
    answers.map((answer, index) => {
      const id = tasks[index]?.task_id ?? "";
      if (answer.kind !== "stored") throw new Error(`${id} is ${JSON.stringify(answer)}`);
      return [id, answer.seq];
    }),
  );
}

/** Claims the next attempt of each and settles them all in one statement. */
export async function end(
  sql: Sql,
  seqs: readonly number[],
  how: "completed" | "dead" = "completed",
): Promise<void> {
  const session = `w~${crypto.randomUUID()}`;
  const rows = await sql<{ seq: number; attempt: number }[]>`
    select seq, attempt + 1 as attempt from open_tasks where seq = any(${[...seqs]}::bigint[])`;
  const claims = await claimAttempts(sql, session, rows);
  const refused = claims.find(({ kind }) => kind !== "claimed");
  if (refused !== undefined || rows.length !== seqs.length)
    throw new Error(`not claimed: ${JSON.stringify({ seqs, rows, claims })}`);
  const settlements = rows.map(
    ({ seq, attempt }): Settlement =>
      how === "completed"
        ? { seq, attempt, kind: "completed", result: { seq } }
        : { seq, attempt, kind: "dead", error_code: "BOOM", error_message: "it failed for good" },
  );
  await settleAttempts(sql, session, settlements);
}

/** Until nothing is left to tell; everybody who was released or failed, in order. */
export async function advanceAll(
  sql: Sql,
): Promise<{ released: number[]; failed: string[]; rounds: number }> {
  const all = { released: [] as number[], failed: [] as string[], rounds: 0 };
  for (;;) {
    const { parents, released, failed } = await advanceGraphs(sql);
    if (parents === 0) return all;
    all.rounds += 1;
    all.released.push(...released);
    all.failed.push(...failed.map(({ taskId }) => taskId));
  }
}

export async function phasesOf(sql: Sql, ids: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const found = await Promise.all(ids.map((id) => findTask(sql, id)));
  return Object.fromEntries(ids.map((id, index) => [id, found[index]?.phase ?? "missing"]));
}
