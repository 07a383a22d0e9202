-- Keys that keep the same work from being submitted twice; see tasks/README.md.

-- What was asked: {"kind": "dedup", "key", "window_s"} or {"kind": "debounce", "key", "seconds", "max_wait_s"}.
alter table tasks add column dedup json;

-- Who holds a key. The row is the lock of its key: whoever submits under it holds the row until the commit. It is written
-- by submissions alone, so that no step of a task's life pays for it; whether the holder still counts is looked up when
-- somebody comes (`holdsKey` in core), and a sweep takes away the rows of those that do not.
create table dedup_keys (
  owner_id    bigint not null,
  task_type   text not null,
  kind        text not null, -- dedup, debounce
  key         text not null,
  seq         bigint not null, -- of the holder
  until       timestamptz, -- dedup with a window: its end
  starts_at   timestamptz, -- debounce: when it may start, as the last submission has it
  latest_at   timestamptz, -- debounce: the latest that any submission can make of it
  submissions integer not null default 1,
  primary key (owner_id, task_type, kind, key)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
create index dedup_keys_by_holder on dedup_keys (seq);
