-- Events: a projection of the stream EVENTS, and the ledger that makes it exact. README.md of events/ has the queries.

-- What happened. No unique key: event_batches lets each message in once, and (seq, line) is the place of an event in
-- its message. Partitioned by day of ts in UTC; what has no day of its own, because it is very late, goes to the default.
create table events (
  ts             timestamptz not null,
  received_at    timestamptz not null,
  seq            bigint not null,          -- sequence of its message in the stream
  owner_id       bigint not null,          -- 0: not by way of the api
  line           integer not null,         -- its line in the message, from 0
  type           text not null,
  level          text not null,
  source         text not null,
  message        text not null,
  attributes     jsonb,                    -- null: none
  id             text,                     -- as the client gave it; null: its name is <seq>-<line>
  correlation_id text not null
) partition by range (ts);
create index events_by_type on events (type, ts);
create index events_by_time on events using brin (ts) with (pages_per_range = 32);
create table events_default partition of events default;

-- One row per message of the stream: the ledger. It is written in the transaction that stores the message's events, so
-- a message that is delivered again finds itself here. A stream that was deleted and made anew counts from 1 again:
-- instance and ordinal tell its messages from the ones before.
create table event_batches (
  stream_seq   bigint not null,
  instance     text not null,              -- the api process that wrote it; '' for messages of others
  ordinal      bigint not null,            -- counts the messages of an instance without gaps; the stream_seq for others
  received_at  timestamptz not null,       -- when its first request arrived
  recorded_at  timestamptz not null default clock_timestamp(),
  bytes        integer not null,
  events       integer not null,           -- lines that the api accepted = stored + rejected + deduplicated
  stored       integer not null,
  rejected     integer not null,
  deduplicated integer not null,
  refused      integer not null,           -- records that the api answered with a refusal; they are not in the message
  primary key (stream_seq, instance, ordinal)
);
create index event_batches_by_instance on event_batches (instance, ordinal);
create index event_batches_by_arrival on event_batches (received_at);
create index event_batches_by_recording on event_batches using brin (recorded_at) with (pages_per_range = 8);

-- Ordinals that an api process gave up on: no gaps, if they never turn up.
create table event_voids (
  instance  text not null,
  ordinal   bigint not null,
  voided_at timestamptz not null default clock_timestamp(),
  primary key (instance, ordinal)
);

-- Requests with an Idempotency-Key. A repetition outlives the stream's own memory of message ids here.
create table event_requests (
  owner_id        bigint not null,
  idempotency_key text not null,           -- 16 hex digits of its SHA-256
  part            integer not null,
  first_seq       bigint not null,
  recorded_at     timestamptz not null default clock_timestamp(),
  primary key (owner_id, idempotency_key, part)
);
create index event_requests_by_age on event_requests using brin (recorded_at);

-- Records that were accepted and cannot be stored. `record` holds the bytes as they came.
create table rejected_events (
  stream_seq  bigint not null,
  line        integer not null,
  owner_id    bigint not null,
  received_at timestamptz not null,
  rejected_at timestamptz not null default clock_timestamp(),
  reason      text not null,
  detail      text not null,
  record      bytea not null,
  primary key (stream_seq, line, received_at)
);
create index rejected_events_by_age on rejected_events (rejected_at);

-- How many events, by minute and by hour of ts; written in the transaction that stores them.
create table event_rollups (
  minute   timestamptz not null,
  type     text not null,
  source   text not null,
  level    text not null,
  owner_id bigint not null,
  events   bigint not null,
  primary key (minute, type, source, level, owner_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
create table event_rollups_hourly (
  hour     timestamptz not null,
  type     text not null,
  source   text not null,
  level    text not null,
  owner_id bigint not null,
  events   bigint not null,
  primary key (hour, type, source, level, owner_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);

-- Messages that the ledger misses. Written by the recorder's audit; a row goes when the message turns up after all.
create table event_losses (
  instance      text not null,
  first_ordinal bigint not null,
  last_ordinal  bigint not null,
  messages      bigint not null,
  events        bigint,                    -- null: nobody can tell
  noticed_at    timestamptz not null default clock_timestamp(),
  received_at   timestamptz not null,      -- when the message after them arrived
  primary key (instance, first_ordinal)
);

-- Makes the partitions of the given days (UTC) that are missing; returns how many. Made apart and then attached: that
-- locks only the default partition, where `create … partition of` would lock the whole table against its writers. A day
-- whose late events lie in the default partition already stays there: it is searched like any other.
create function make_event_partitions(days date[]) returns integer language plpgsql as $$
declare
  day date;
  made integer := 0;
  name text;
  first_moment timestamptz;
  end_moment timestamptz;
begin
  foreach day in array days loop
    name := 'events_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass(name) is not null;
    first_moment := day::timestamp at time zone 'UTC';
    end_moment := (day + 1)::timestamp at time zone 'UTC';
    continue when exists (select 1 from events_default where ts >= first_moment and ts < end_moment);
    execute format('create table %I (like events including all)', name);
    execute format('alter table events attach partition %I for values from (%L) to (%L)', name, first_moment, end_moment);
    made := made + 1;
  end loop;
  return made;
end $$;

select make_event_partitions(array(
  select generate_series((now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + 8, interval '1 day')::date));
