import type { Sql, Transaction } from "../connect.ts";
import type { BatchRecord, Recorded, Rollup } from "./batch-record.ts";
import { copyEvents } from "./copy-events.ts";

/**
 * Stores messages, each exactly once, in one transaction: ledger, events, rollups. A message that the ledger knows is
 * left out, and so is a request that was stored under the same Idempotency-Key before.
 *
 * Rows are locked in one order (ledger by sequence, then requests, then rollups), so that transactions side by side wait
 * in a line and not in a circle. Rollups come last: they are what those transactions share.
 *
 * @param batches each message once.
 * @returns what became of those that were new. Throws what the store throws; then nothing was stored.
 */
export async function recordBatches(sql: Sql, batches: readonly BatchRecord[]): Promise<readonly Recorded[]> {
  const inOrder = batches.toSorted((one, other) => one.seq - other.seq);
  return await sql.begin(async (transaction) => {
    const fresh = await enterLedger(transaction, inOrder);
    const { repeated, reused } = await findRepeated(transaction, fresh);
    const kept = fresh.filter(({ seq }) => !repeated.has(seq));
    const rows = kept.map((batch) => batch.rows).filter(({ length }) => length > 0);
    const rollUp = () => addRollups(transaction, mergeRollups(kept));
    if (rows.length > 0) await copyEvents(transaction, rows, rollUp);
    await keepRejected(transaction, kept);
    await noteVoided(transaction, fresh);
    return fresh.map((batch) => ({
      ...outcomeOf(batch, repeated.has(batch.seq)),
      isKeyReused: reused.has(batch.seq),
    }));
  });
}

function outcomeOf(
  { seq, events, stored, rejected }: BatchRecord,
  isRepeated: boolean,
): Omit<Recorded, "isKeyReused"> {
  if (isRepeated) return { seq, stored: 0, rejected: 0, deduplicated: events };
  return { seq, stored, rejected: rejected.length, deduplicated: 0 };
}

async function enterLedger(
  transaction: Transaction,
  batches: readonly BatchRecord[],
): Promise<readonly BatchRecord[]> {
  const entries = batches.map((batch) => ({
    stream_seq: batch.seq,
    instance: batch.instance,
    ordinal: batch.ordinal,
    received_at: new Date(batch.receivedMs),
    bytes: batch.bytes,
    events: batch.events,
    events_before: batch.before,
    stored: batch.stored,
    rejected: batch.rejected.length,
    deduplicated: 0,
    refused: batch.refused,
  }));
  const entered = await transaction<{ stream_seq: number }[]>`
    insert into event_batches (stream_seq, instance, ordinal, received_at, bytes, events, events_before, stored, rejected, deduplicated, refused)
    select * from json_to_recordset(${JSON.stringify(entries)}::text::json) as x(
      stream_seq bigint, instance text, ordinal bigint, received_at timestamptz, bytes integer, events integer,
      events_before bigint, stored integer, rejected integer, deduplicated integer, refused integer)
    on conflict do nothing returning stream_seq`;
  const seqs = new Set(entered.map((row) => row.stream_seq));
  return batches.filter(({ seq }) => seqs.has(seq));
}

interface Repeated {
  /** Sequences of messages whose lines were stored before, under another sequence. */
  readonly repeated: ReadonlySet<number>;
  /** Those whose key was used before with other lines: somebody's mistake, which the api could not see in time. */
  readonly reused: ReadonlySet<number>;
}

async function findRepeated(transaction: Transaction, batches: readonly BatchRecord[]): Promise<Repeated> {
  const wanted = batches.flatMap(({ seq, repeatable }) =>
    repeatable === null ? [] : [{ seq, ...repeatable }],
  );
  if (wanted.length === 0) return { repeated: new Set(), reused: new Set() };
  const asked = JSON.stringify(wanted);
  const first = await transaction<{ first_seq: number }[]>`
    insert into event_requests (owner_id, idempotency_key, part, first_seq, body_digest)
    select * from json_to_recordset(${asked}::text::json) as x(
      "ownerId" bigint, digest text, part integer, seq bigint, "bodyDigest" text) order by 1, 2, 3, 4
    on conflict do nothing returning first_seq`;
  const isFirst = new Set(first.map((row) => row.first_seq));
  if (wanted.every(({ seq }) => isFirst.has(seq))) return { repeated: new Set(), reused: new Set() };
  const others = await transaction<{ seq: number }[]>`
    select x.seq from json_to_recordset(${asked}::text::json) as x(
      "ownerId" bigint, digest text, part integer, seq bigint, "bodyDigest" text)
    join event_requests r on r.owner_id = x."ownerId" and r.idempotency_key = x.digest and r.part = x.part
    where r.body_digest <> x."bodyDigest"`;
  const reused = new Set(others.map(({ seq }) => seq));
  const repeated = wanted.flatMap(({ seq }) => (isFirst.has(seq) || reused.has(seq) ? [] : [seq]));
  if (repeated.length > 0)
    await transaction`
      update event_batches set deduplicated = events, stored = 0, rejected = 0
      where stream_seq = any(${repeated}::bigint[]) and (stream_seq, instance, ordinal) in (
        select * from json_to_recordset(${keysOf(batches)}::text::json) as x(seq bigint, instance text, ordinal bigint))`;
  return { repeated: new Set(repeated), reused };
}

function keysOf(batches: readonly BatchRecord[]): string {
  return JSON.stringify(batches.map(({ seq, instance, ordinal }) => ({ seq, instance, ordinal })));
}

function mergeRollups(batches: readonly BatchRecord[]): readonly Rollup[] {
  const only = batches.length === 1 ? batches[0] : undefined;
  if (only !== undefined) return only.rollups;
  const merged = new Map<string, Rollup>();
  for (const { rollups } of batches)
    for (const rollup of rollups) {
      const { minuteMs, type, source, level, ownerId } = rollup;
      const key = `${minuteMs}\n${ownerId}\n${type}\n${source}\n${level}`;
      const known = merged.get(key);
      merged.set(key, known === undefined ? rollup : { ...known, events: known.events + rollup.events });
    }
  return [...merged.values()];
}

async function addRollups(transaction: Transaction, rollups: readonly Rollup[]): Promise<void> {
  const rows = rollups.map((rollup) => [
    rollup.minuteMs / 1000,
    rollup.type,
    rollup.source,
    rollup.level,
    rollup.ownerId,
    rollup.events,
  ]);
  await transaction`
    with added as materialized (
      select to_timestamp((x->>0)::float8) as minute, x->>1 as type, x->>2 as source, x->>3 as level,
        (x->>4)::bigint as owner_id, (x->>5)::bigint as events
      from json_array_elements(${JSON.stringify(rows)}::text::json) x
    ), minutes as (
      insert into event_rollups as r (minute, type, source, level, owner_id, events)
      select * from added order by 1, 2, 3, 4, 5
      on conflict (minute, type, source, level, owner_id) do update set events = r.events + excluded.events
    ), counts as (
      insert into event_counts as c (dimension, minute, value, owner_id, events)
      select dimension, minute, value, owner_id, sum(events) from added
      cross join lateral (values ('type', type), ('source', source), ('level', level)) d(dimension, value)
      group by 1, 2, 3, 4 order by 1, 2, 3, 4
      on conflict (dimension, minute, value, owner_id) do update set events = c.events + excluded.events
    )
    insert into event_rollups_hourly as r (hour, type, source, level, owner_id, events)
    select date_trunc('hour', minute, 'UTC'), type, source, level, owner_id, sum(events)
    from added group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    on conflict (hour, type, source, level, owner_id) do update set events = r.events + excluded.events`;
}

async function keepRejected(transaction: Transaction, batches: readonly BatchRecord[]): Promise<void> {
  const rows = batches.flatMap(({ seq, receivedMs, rejected }) =>
    rejected.map(({ line, ownerId, reason, detail, record }) => ({
      ...{ stream_seq: seq, line, owner_id: ownerId, received_at: new Date(receivedMs), reason, detail },
      record: Buffer.from(record).toString("base64"),
    })),
  );
  if (rows.length === 0) return;
  await transaction`
    insert into rejected_events (stream_seq, line, owner_id, received_at, reason, detail, record)
    select stream_seq, line, owner_id, received_at, reason, detail, decode(record, 'base64')
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as x(stream_seq bigint, line integer,
      owner_id bigint, received_at timestamptz, reason text, detail text, record text)
    on conflict do nothing`;
}

async function noteVoided(transaction: Transaction, batches: readonly BatchRecord[]): Promise<void> {
  const voids = batches.flatMap(({ instance, voided }) => voided.map((each) => ({ instance, ...each })));
  if (voids.length === 0) return;
  await transaction`
    insert into event_voids (instance, ordinal, events)
    select distinct on (1, 2) * from json_to_recordset(${JSON.stringify(voids)}::text::json) as x(
      instance text, ordinal bigint, events bigint)
    order by 1, 2 on conflict do nothing`;
}
