-- Schedules: tasks that are made again and again. And queue control: what may not start, and which tasks wait for that.

create table schedules (
  schedule_id  text primary key,
  owner_id     bigint not null,
  name         text not null,
  -- Either a cron expression, or so many seconds from the anchor.
  cron         text,
  time_zone    text not null,
  every_s      integer,
  anchor_at    timestamptz not null,
  -- The task that each tick makes, its defaults filled in.
  task         json not null,
  missed       text not null, -- skip, catch_up, latest
  overlap      text not null, -- allow, skip, queue
  start_at     timestamptz,
  end_at       timestamptz,
  is_paused    boolean not null,
  -- The first tick that nothing was done about; null when it is paused or over. It moves in the transaction that makes
  -- the tick's task, under the row's lock: that is what runs a tick once, however many schedulers there are.
  next_run_at  timestamptz,
  -- When a scheduler looks: at the tick, or somewhat later when an unfinished run or a problem holds it back.
  wake_at      timestamptz,
  -- Ticks since then wait behind an unfinished run.
  held_since   timestamptz,
  last_run_at  timestamptz,
  -- Why its last tick could not be made, when it could not.
  problem      text,
  -- Goes into a tick's task id when somebody has taken the plain one.
  nonce        text not null default left(gen_random_uuid()::text, 8),
  version      integer not null default 1,
  created_at   timestamptz not null,
  updated_at   timestamptz not null,
  check ((cron is null) <> (every_s is null))
);
-- All that a scheduler looks at: who is next.
create index schedules_by_wake on schedules (wake_at) where wake_at is not null;
create index schedules_by_owner on schedules (owner_id, schedule_id);

-- The last ticks of each schedule, and what became of them.
create table schedule_runs (
  schedule_id text not null references schedules on delete cascade,
  tick_at     timestamptz not null,
  kind        text not null, -- fired, skipped (an earlier run was not finished), triggered
  task_id     text,
  seq         bigint,
  made_at     timestamptz not null,
  primary key (schedule_id, tick_at)
);

-- Lanes and task types of which nothing new is started. The truth; the bucket `control` tells it around.
create table queue_pauses (
  name      text primary key,
  is_lane   boolean not null,
  paused_at timestamptz not null default clock_timestamp(),
  paused_by bigint not null,
  reason    text
);

-- A task that waits for a pause to end is parked: it has no message, and its ready_at is infinity, so that whoever looks
-- for due tasks meets none of a million of them.
alter table open_tasks add column parked_for text;
create index open_tasks_parked on open_tasks (parked_for, seq) where parked_for is not null;

-- Seconds after which a task that has not started is not worth starting any more; counted from when it was due.
alter table tasks add column ttl_s integer;

-- The same as a moment, for as long as it matters: the scheduler takes a row away when its moment has come.
create table task_deadlines (
  seq        bigint primary key,
  expires_at timestamptz not null
);
create index task_deadlines_by_time on task_deadlines (expires_at);
