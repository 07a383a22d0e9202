import { expect } from "bun:test";
import type { TaskStack } from "./task-stack.ts";

/** A task in a graph, as a client writes it. */
export interface GraphWish {
  readonly task_id: string;
  readonly task_type: string;
  readonly dependencies: readonly string[];
  readonly [field: string]: unknown;
}

/** A task that takes no time and never fails, unless it is said otherwise. */
export function node(
  task_id: string,
  dependencies: readonly string[] = [],
  more: Readonly<Record<string, unknown>> = {},
): GraphWish {
  const payload = { duration_ms: 0, failure_rate: 0 };
  return { task_id, dependencies, task_type: "simulate", payload, ...more };
}

/** A node that is dead after its first attempt. */
export const FAILING = { payload: { duration_ms: 0, failure_rate: 1 }, max_attempts: 1 };

export function sendBatch(stack: TaskStack, wishes: readonly unknown[], query = "?atomic=true") {
  return stack.call("POST", `/api/tasks/batch${query}`, wishes);
}

/** All of which must be taken. */
export async function submitGraph(stack: TaskStack, wishes: readonly GraphWish[]): Promise<void> {
  const { status, body } = await sendBatch(stack, wishes);
  expect({ status, accepted: body.accepted }).toEqual({ status: 200, accepted: wishes.length });
}

export async function statusesOf(
  stack: TaskStack,
  ids: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(
    await Promise.all(ids.map(async (id): Promise<[string, string]> => [id, (await stack.show(id)).status])),
  );
}

/** Each task whose id starts so had exactly one attempt, which completed, and began after its parents had ended. */
export async function expectInOrder(
  stack: TaskStack,
  prefix: string,
  wishes: readonly GraphWish[],
): Promise<void> {
  const rows = await stack.sql<{ id: string; kind: string; started: Date; ended: Date }[]>`
    select t.task_id as id, o.kind, o.started_at as started, o.ended_at as ended
    from tasks t join outcomes o using (seq) where t.task_id like ${`${prefix}%`}`;
  expect(rows.filter(({ kind }) => kind !== "completed")).toEqual([]);
  const runOf = new Map(rows.map((row) => [row.id, row]));
  expect([rows.length, runOf.size]).toEqual([wishes.length, wishes.length]);
  const early = wishes.flatMap(({ task_id, dependencies }) =>
    dependencies.filter((id) => (runOf.get(id)?.ended ?? 0) > (runOf.get(task_id)?.started ?? 0)),
  );
  expect(early).toEqual([]);
}
