import type { DedupWords } from "@millrace/protocol";
import { type NewTask, type Sql, type Submission, submitKeyed } from "@millrace/store";
import { newTask } from "./task-store.ts";

/** A task with the dedup key `k`. */
export function dedup(change: Partial<NewTask> = {}, window_s: number | null = null): NewTask {
  return newTask({ dedup: { kind: "dedup", key: "k", window_s }, ...change });
}

/** A task with the debounce key `k`, as the api makes it. */
export function bounce(
  change: Partial<NewTask> = {},
  rule: Partial<Extract<DedupWords, { kind: "debounce" }>> = {},
): NewTask {
  const words = { kind: "debounce", key: "k", seconds: 5, max_wait_s: 50, ...rule } as const;
  const runAt = new Date(Date.now() + words.seconds * 1_000).toISOString();
  return newTask({ dedup: words, run_at: runAt, ...change });
}

/** Submits one that must be new; its internal id. */
export async function submitNew(sql: Sql, task: NewTask): Promise<number> {
  const [answer] = await submitKeyed(sql, [task]);
  if (answer?.kind !== "stored") throw new Error(`it is ${JSON.stringify(answer)}`);
  return answer.seq;
}

export function kindsOf(answers: readonly Submission[]): readonly string[] {
  return answers.map(({ kind }) => kind);
}

/** As if so much time had gone by for the keys. */
export async function passForKeys(sql: Sql, seconds: number): Promise<void> {
  await sql`
    update dedup_keys set until = until - ${seconds} * interval '1 second',
      starts_at = starts_at - ${seconds} * interval '1 second', latest_at = latest_at - ${seconds} * interval '1 second'`;
}
