import { assert, type DedupKind, debouncedStartMs, type Json } from "@millrace/core";
import { DEDUP_TRIES_MAX, SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import type { DedupWords } from "@millrace/protocol";
import type { Sql, Transaction } from "../connect.ts";
import { rowsAsJson } from "./hostile-content.ts";
import { KEY_COLUMNS, type KeyRow, readHolders } from "./key-holders.ts";
import { isKeyed, type NewTask, type Submission, submitTasks } from "./submit-tasks.ts";

/**
 * Stores tasks that stand for a key, all in one transaction, and answers each in order. Where the key has a holder, nothing
 * is stored: the answer names the holder, whose payload and start a debounced submission changes. The order of the list is
 * that of arrival: of several with one key the first is stored, and the last one's payload counts.
 *
 * A task id that is known already goes before the key: it is "taken", as in `submitTasks`.
 * Keys are locked first, then open rows, then ids, each in one order: whoever competes waits in a line.
 */
export async function submitKeyed(
  sql: Sql | Transaction,
  tasks: readonly NewTask[],
): Promise<readonly Submission[]> {
  assert(tasks.every(isKeyed), "tasks without a key go in by submitTasks");
  for (let tries = 1; ; tries++) {
    try {
      const run = (inner: Transaction) => store(inner, tasks);
      return "savepoint" in sql ? await sql.savepoint(run) : await sql.begin(run);
    } catch (error) {
      if (!(error instanceof IdTaken) || tries >= DEDUP_TRIES_MAX) throw error;
    }
  }
}

/** With and without a key, in one transaction. */
export async function submitMixed(
  sql: Transaction,
  tasks: readonly NewTask[],
): Promise<readonly Submission[]> {
  if (!tasks.some(isKeyed)) return await submitTasks(sql, tasks);
  const keyed = await submitKeyed(sql, tasks.filter(isKeyed));
  const plain = tasks.filter((task) => !isKeyed(task));
  return joinAnswers(tasks, keyed, plain.length === 0 ? [] : await submitTasks(sql, plain));
}

/** Answers in the order of the tasks. */
export function joinAnswers<Answer>(
  tasks: readonly NewTask[],
  keyed: readonly Answer[],
  plain: readonly Answer[],
): readonly Answer[] {
  const [fromKeyed, fromPlain] = [keyed.values(), plain.values()];
  return tasks.map((task) => {
    const { value } = isKeyed(task) ? fromKeyed.next() : fromPlain.next();
    assert(value !== undefined, "each task has an answer");
    return value;
  });
}

/** Somebody has taken an id since it was looked up: the whole is done again, and finds it. */
class IdTaken extends Error {}

/** Who has a key: a task that is there, or one of this list. */
interface Holder {
  readonly taskId: string;
  /** Its place in the list; null: it is there already. */
  readonly index: number | null;
  /** 0 until it is stored. */
  seq: number;
  readonly latestMs: number;
  submissions: number;
  change: { readonly payload: Json; readonly startMs: number } | null;
}

type Step = { readonly kind: "taken" } | { readonly kind: "fresh" | "joined"; readonly holder: Holder };

async function store(sql: Transaction, tasks: readonly NewTask[]): Promise<readonly Submission[]> {
  const known = await findKnown(sql, tasks);
  const { held, nowMs } = await lockKeys(
    sql,
    tasks.filter(({ task_id }) => !known.has(task_id)),
  );
  const holders = new Map(held);
  const steps = tasks.map((task, index) => stepOf(task, { index, known, holders, nowMs }));
  const fresh = steps.flatMap((step) => (step.kind === "fresh" ? [step.holder] : []));
  const stored = await storeFresh(sql, tasks, fresh);
  const changed = [...held.values()].filter(({ change }) => change !== null);
  const moved = await changeHeld(sql, changed);
  await writeKeys(sql, tasks, { steps, stored });
  return steps.map((step): Submission => {
    if (step.kind === "taken") return { kind: "taken" };
    const { holder } = step;
    if (step.kind === "fresh") return stored.get(holder) ?? { kind: "taken" };
    const { taskId, seq } = holder;
    return { kind: "deduplicated", taskId, seq, isMoved: moved.delete(seq) }; // Once is enough.
  });
}

async function findKnown(sql: Transaction, tasks: readonly NewTask[]): Promise<Set<string>> {
  const rows = await sql<{ task_id: string }[]>`
    select task_id from task_keys where task_id = any(${tasks.map(({ task_id }) => task_id)}::text[])`;
  return new Set(rows.map((row) => row.task_id));
}

interface Locked {
  readonly held: ReadonlyMap<string, Holder>;
  readonly nowMs: number;
}

/**
 * Makes or finds the rows of the keys and locks them until the end of the transaction. Open holders of debounce keys are
 * locked as well, so that none of them is leased while its payload changes.
 */
async function lockKeys(sql: Transaction, tasks: readonly NewTask[]): Promise<Locked> {
  const keys = [...new Map(tasks.map((task) => [keyOf(task), rowOf(task)]))].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const input = JSON.stringify(keys.map(([, row], i) => ({ i, ...row })));
  const rows = await sql<(KeyRow & { now: Date })[]>`
    insert into dedup_keys (owner_id, task_type, kind, key, seq)
    select owner_id, task_type, kind, key, 0 from json_to_recordset(${input}::text::json) as x(
      i integer, owner_id bigint, task_type text, kind text, key text) order by i
    on conflict (owner_id, task_type, kind, key) do update set seq = dedup_keys.seq
    returning ${sql.unsafe(KEY_COLUMNS)}, clock_timestamp() as now`;
  const taken = rows.filter(({ seq }) => seq > 0);
  const debounced = taken.filter(({ kind }) => kind === "debounce").map(({ seq }) => seq);
  if (debounced.length > 0)
    await sql`select seq from open_tasks where seq = any(${debounced}::bigint[]) order by seq for no key update`;
  const held = new Map<string, Holder>();
  for (const [row, taskId] of await readHolders(sql, taken))
    held.set(textOf(row), {
      ...{ taskId, index: null, seq: row.seq, submissions: row.submissions, change: null },
      latestMs: row.latest_at?.getTime() ?? 0,
    });
  return { held, nowMs: Math.max(0, ...rows.map(({ now }) => now.getTime())) };
}

interface Place {
  readonly index: number;
  readonly known: Set<string>;
  readonly holders: Map<string, Holder>;
  readonly nowMs: number;
}

function stepOf(task: NewTask, { index, known, holders, nowMs }: Place): Step {
  const rule = ruleOf(task);
  const holder = holders.get(keyOf(task));
  if (known.has(task.task_id) || holder?.taskId === task.task_id) return { kind: "taken" };
  if (holder === undefined) {
    known.add(task.task_id);
    const fresh: Holder = {
      ...{ taskId: task.task_id, index, seq: 0, submissions: 1, change: null },
      latestMs: latestOf(task),
    };
    holders.set(keyOf(task), fresh);
    return { kind: "fresh", holder: fresh };
  }
  holder.submissions += 1;
  if (rule.kind === "debounce") {
    const startMs = debouncedStartMs({ nowMs, seconds: rule.seconds, latestMs: holder.latestMs });
    holder.change = { payload: task.payload, startMs };
  }
  return { kind: "joined", holder };
}

type Stored = ReadonlyMap<Holder, Extract<Submission, { kind: "stored" }>>;

async function storeFresh(
  sql: Transaction,
  tasks: readonly NewTask[],
  fresh: readonly Holder[],
): Promise<Stored> {
  const stored = new Map<Holder, Extract<Submission, { kind: "stored" }>>();
  if (fresh.length === 0) return stored;
  const answers = await submitTasks(
    sql,
    fresh.map(({ index, change }) => {
      const task = tasks[index ?? -1];
      assert(task !== undefined, "a fresh holder stands in the list");
      if (change === null) return task;
      return { ...task, payload: change.payload, run_at: new Date(change.startMs).toISOString() };
    }),
  );
  for (const [place, holder] of fresh.entries()) {
    const answer = answers[place];
    if (answer?.kind !== "stored") throw new IdTaken(`${holder.taskId} was taken meanwhile`);
    holder.seq = answer.seq;
    stored.set(holder, answer);
  }
  return stored;
}

/** A start that has passed stays as it is, and so does that of a parked task. The answer: whose start was moved. */
async function changeHeld(sql: Transaction, changed: readonly Holder[]): Promise<Set<number>> {
  if (changed.length === 0) return new Set();
  const rows = changed.map(({ seq, change }, i) => ({
    ...{ i, seq, payload: change?.payload ?? null },
    starts_at: new Date(change?.startMs ?? 0).toISOString(),
  }));
  const seqs = changed.map(({ seq }) => seq);
  const input = rowsAsJson(rows, "payload");
  await sql`
    update tasks t set payload = coalesce(x.payload_text::json, x.payload, 'null'), run_at = x.starts_at
    from json_to_recordset(${input}::text::json) as x(
      i integer, seq bigint, payload_text text, payload json, starts_at timestamptz)
    where t.seq = any(${seqs}::bigint[]) and t.seq = x.seq`;
  const moved = await sql<{ seq: number }[]>`
    update open_tasks o set ready_at = x.starts_at, published_at = case
      when x.starts_at <= clock_timestamp() + ${SCHEDULE_HORIZON_MS} * interval '1 millisecond' then clock_timestamp() end
    from json_to_recordset(${JSON.stringify(rows.map(({ seq, starts_at }) => ({ seq, starts_at })))}::text::json) as x(
      seq bigint, starts_at timestamptz)
    where o.seq = any(${seqs}::bigint[]) and o.seq = x.seq and o.parked_for is null
      and x.starts_at > clock_timestamp() and o.ready_at <> x.starts_at
    returning o.seq`;
  return new Set(moved.map((row) => row.seq));
}

interface Outcome {
  readonly steps: readonly Step[];
  readonly stored: Stored;
}

/** New holders, and what submissions have changed. The rows are ours: nobody waits but for this transaction's end. */
async function writeKeys(
  sql: Transaction,
  tasks: readonly NewTask[],
  { steps, stored }: Outcome,
): Promise<void> {
  const rows = new Map<Holder, object>();
  for (const [index, step] of steps.entries()) {
    const task = tasks[index];
    if (step.kind === "taken" || task === undefined) continue;
    const { holder } = step;
    const rule = ruleOf(task);
    const own = stored.get(holder);
    if (own === undefined && holder.change === null) continue; // Somebody else's, and as it was.
    if (rows.has(holder)) continue; // The first of the list is the one that was stored.
    const until =
      own === undefined || rule.kind === "debounce" ? null : untilOf(own.createdAt, rule.window_s);
    const startMs = holder.change?.startMs ?? (task.run_at === null ? 0 : Date.parse(task.run_at));
    const isDebounce = rule.kind === "debounce";
    rows.set(holder, {
      ...{ ...rowOf(task), seq: holder.seq, until, submissions: holder.submissions },
      starts_at: isDebounce ? new Date(startMs).toISOString() : null,
      latest_at: isDebounce ? new Date(holder.latestMs).toISOString() : null,
    });
  }
  if (rows.size === 0) return;
  await sql`
    insert into dedup_keys (owner_id, task_type, kind, key, seq, until, starts_at, latest_at, submissions)
    select owner_id, task_type, kind, key, seq, until, starts_at, latest_at, submissions
    from json_to_recordset(${JSON.stringify([...rows.values()])}::text::json) as x(
      owner_id bigint, task_type text, kind text, key text, seq bigint, until timestamptz, starts_at timestamptz,
      latest_at timestamptz, submissions integer)
    on conflict (owner_id, task_type, kind, key) do update set seq = excluded.seq, until = excluded.until,
      starts_at = excluded.starts_at, latest_at = excluded.latest_at, submissions = excluded.submissions`;
}

function untilOf(createdAt: Date, windowS: number | null): string | null {
  return windowS === null ? null : new Date(createdAt.getTime() + windowS * 1000).toISOString();
}

/** Counted from its first submission. */
function latestOf(task: NewTask): number {
  const rule = ruleOf(task);
  if (rule.kind !== "debounce" || task.run_at === null) return 0;
  return Date.parse(task.run_at) + Math.round((rule.max_wait_s - rule.seconds) * 1000);
}

function ruleOf({ dedup }: NewTask): DedupWords {
  assert(dedup !== undefined, "the task has a key");
  return dedup;
}

interface KeyName {
  readonly owner_id: number;
  readonly task_type: string;
  readonly kind: DedupKind;
  readonly key: string;
}

function rowOf(task: NewTask): KeyName {
  const { kind, key } = ruleOf(task);
  return { owner_id: task.owner_id, task_type: task.task_type, kind, key };
}

function keyOf(task: NewTask): string {
  return textOf(rowOf(task));
}

function textOf({ owner_id, task_type, kind, key }: KeyName): string {
  return JSON.stringify([owner_id, task_type, kind, key]);
}
