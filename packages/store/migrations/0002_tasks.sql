-- Tasks: what was asked (tasks), what is not finished (open_tasks), what happened (outcomes), what died (dead_letters).
--
-- seq is the internal id: milliseconds since 2025-01-01 in the high bits, 12 bits of a shared sequence in the low ones.
-- It is made by the database, fits into 53 bits (exact in JSON and JavaScript until 2094), grows with time, so that all
-- B-trees append on their right edge, and lets a range of ids stand for a range of time: partitions by seq are days.
-- Two ids could only meet if one millisecond brought more than 4 096 of them, or the clock went back; the primary key
-- would refuse the second.

create sequence task_seq;

create function seq_at(moment timestamptz) returns bigint language sql immutable parallel safe
  return ((extract(epoch from moment) * 1000)::bigint - 1735689600000) * 4096;

create function next_task_seq() returns bigint language sql volatile parallel unsafe
  return ((extract(epoch from clock_timestamp()) * 1000)::bigint - 1735689600000) * 4096 + (nextval('task_seq') & 4095);

-- A task id is unique as long as its task is kept. A partitioned table cannot promise that, so the ids live here.
create table task_keys (
  task_id text primary key,
  seq     bigint not null
);

-- What was asked. Never updated, except that a redrive may patch the payload.
create table tasks (
  seq            bigint not null,
  task_id        text not null,
  task_type      text not null,
  owner_id       bigint not null,
  lane           text not null,
  priority       smallint not null,
  payload        json not null,
  dependencies   json,
  timeout_s      integer not null,
  max_attempts   smallint not null,
  backoff        json not null,
  run_at         timestamptz,
  tenant         text,
  correlation_id text not null,
  created_at     timestamptz not null,
  primary key (seq)
) partition by range (seq);
create index tasks_by_type on tasks (task_type, seq);
create index tasks_by_owner on tasks (owner_id, seq);

-- One narrow row for each task that is not finished: the lock of its state. Every step of a task's life is one
-- conditional statement on this row, so of two that compete exactly one wins. The row goes when the task ends, so a
-- hundred million finished tasks cost the queue nothing.
create table open_tasks (
  seq          bigint primary key,
  lane         text not null,
  priority     smallint not null,
  attempt      smallint not null default 0,
  failures     smallint not null default 0,
  losses       smallint not null default 0,
  waiting_for  integer not null default 0,
  claimed_by   text,
  claimed_at   timestamptz,
  ready_at     timestamptz not null,
  published_at timestamptz
) with (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0.1,
  autovacuum_vacuum_cost_delay = 1
);
-- Who works on what: bounded by the slots of all workers.
create index open_tasks_claimed on open_tasks (claimed_by) where claimed_by is not null;
-- What should be in the stream: the reconciler walks it from the oldest.
create index open_tasks_ready on open_tasks (lane, priority, ready_at) where claimed_by is null;

-- One row for each attempt that ended. A cancellation between attempts takes the next number, with started_at null.
-- Append-only.
create table outcomes (
  seq           bigint not null,
  attempt       smallint not null,
  kind          text not null, -- completed, failed, dead, cancelled, lost, returned
  claimed_by    text,
  started_at    timestamptz,
  ended_at      timestamptz not null,
  retry_at      timestamptz,
  result        json,
  error_code    text,
  error_message text,
  primary key (seq, attempt)
) partition by range (seq);
create index outcomes_by_end on outcomes (kind, seq) where kind in ('dead', 'cancelled');

-- Tasks that ended dead and have been neither redriven nor discarded.
create table dead_letters (
  seq           bigint primary key,
  task_type     text not null,
  lane          text not null,
  error_code    text not null,
  error_message text not null,
  died_at       timestamptz not null,
  -- The readable copy in the DLQ stream was written. What is not, the scheduler writes again.
  is_announced  boolean not null default false
);
create index dead_letters_by_error on dead_letters (error_code, seq);
create index dead_letters_unannounced on dead_letters (seq) where not is_announced;

-- Who brought back what, and what the payload was before. Append-only.
create table redrives (
  seq              bigint not null,
  attempt          smallint not null,
  redriven_by      bigint not null,
  redriven_at      timestamptz not null default clock_timestamp(),
  previous_payload json,
  primary key (seq, attempt)
);

-- A partition per day. The default partition takes what a jumping clock brings, so that nothing is ever refused.
create table tasks_default partition of tasks default;
create table outcomes_default partition of outcomes default;

create function make_partitions(first_day date, days integer) returns integer language plpgsql as $$
declare
  day date;
  made integer := 0;
  parent text;
  name text;
begin
  for day in select generate_series(first_day, first_day + days - 1, interval '1 day')::date loop
    foreach parent in array array['tasks', 'outcomes'] loop
      name := parent || '_' || to_char(day, 'YYYYMMDD');
      continue when to_regclass(name) is not null;
      -- Rows of that day that went to the default partition stay there: it is searched like any other.
      continue when parent = 'tasks' and exists (select 1 from tasks_default
        where seq >= seq_at(day::timestamp at time zone 'UTC') and seq < seq_at((day + 1)::timestamp at time zone 'UTC'));
      continue when parent = 'outcomes' and exists (select 1 from outcomes_default
        where seq >= seq_at(day::timestamp at time zone 'UTC') and seq < seq_at((day + 1)::timestamp at time zone 'UTC'));
      execute format('create table %I partition of %I for values from (%s) to (%s)', name, parent,
        seq_at(day::timestamp at time zone 'UTC'), seq_at((day + 1)::timestamp at time zone 'UTC'));
      made := made + 1;
    end loop;
  end loop;
  return made;
end $$;

select make_partitions((now() at time zone 'UTC')::date - 1, 9);
