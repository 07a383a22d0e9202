-- The ledger of events counts what a lost message held, knows how far each api process had come, and what stood behind an
-- Idempotency-Key.

alter table event_batches add column events_before bigint; -- events in the instance's messages of lower ordinals; null: not told
alter table event_voids add column events bigint;          -- that its message would have held; null: not told
alter table event_requests add column body_digest text;    -- 16 hex digits of the SHA-256 of the part's lines; null: not told

-- How far an api process had come: told by itself about once a second while it publishes, and not by way of the stream, so
-- that a stream that loses its end is found out.
create table event_marks (
  instance        text primary key,
  ordinal         bigint not null,           -- every message up to here was acknowledged, or given up (event_voids)
  events          bigint not null,           -- in all of those
  told_at         timestamptz not null default clock_timestamp(),
  checked_ordinal bigint not null default 0, -- the audit has seen to everything up to here
  checked_events  bigint not null default 0
);
