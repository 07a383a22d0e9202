import { expect } from "bun:test";
import type { Chaos, Wish } from "./chaos.ts";

/** None lost, none twice: what must hold when the dust has settled, whatever broke. */
export async function expectExactlyOnce(chaos: Chaos, wishes: readonly Wish[]): Promise<void> {
  const { sql } = chaos;
  const [count] = await sql<{ tasks: number; open: number }[]>`
    select (select count(*)::integer from tasks) as tasks, (select count(*)::integer from open_tasks) as open`;
  expect(count).toEqual({ tasks: wishes.length, open: 0 });
  const wrong = await sql`
    select t.task_id, array_agg(o.kind order by o.attempt) as kinds from tasks t left join outcomes o using (seq)
    group by t.task_id
    having count(*) filter (where o.kind in ('completed', 'dead', 'cancelled')) <> 1`;
  expect([...wrong]).toEqual([]);
  await expectCallsOnce(chaos, wishes);
}

/**
 * At the external API: each call was made; and more than once only where an attempt was lost with its worker, or
 * failed: nobody can know then whether the call arrived.
 */
async function expectCallsOnce({ sql, fakeUrl }: Chaos, wishes: readonly Wish[]): Promise<void> {
  const { successes } = (await (await fetch(`${fakeUrl}/__calls`)).json()) as Counts;
  const rows = await sql<{ task_id: string }[]>`
    select distinct t.task_id from outcomes o join tasks t using (seq)
    where t.task_type = 'http.request' and (o.kind in ('lost', 'failed') or o.error_code = 'WORKER_LOST')`;
  const mayRepeat = new Set(rows.map((row) => row.task_id));
  const ids = wishes.filter((wish) => wish.task_type === "http.request").map((wish) => wish.task_id);
  expect(ids.filter((id) => (successes[id] ?? 0) === 0)).toEqual([]);
  expect(ids.filter((id) => (successes[id] ?? 0) > 1 && !mayRepeat.has(id))).toEqual([]);
}

interface Counts {
  readonly successes: Readonly<Record<string, number>>;
}

/** How attempts ended, by kind. */
export async function countOutcomes({ sql }: Pick<Chaos, "sql">): Promise<Readonly<Record<string, number>>> {
  const rows = await sql<{ kind: string; count: number }[]>`
    select kind, count(*)::integer as count from outcomes group by kind`;
  return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]));
}
