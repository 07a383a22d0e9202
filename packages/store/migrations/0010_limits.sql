-- Limits that an operator sets, what is used of them, and tasks that are held back by them or by a breaker.

create table limits (
  scope           text not null, -- host (an origin), type, tenant
  name            text not null,
  rate_per_second double precision,
  burst           integer, -- null with a rate: what one second brings
  max_concurrent  integer,
  updated_by      bigint not null,
  updated_at      timestamptz not null default clock_timestamp(),
  primary key (scope, name)
);

-- Where a rate stands (the theoretical arrival time of the generic cell rate algorithm). Unlogged: taking tokens costs no
-- fsync, and a crash of the server makes a rate start with a full burst.
create unlogged table limit_rates (
  scope text not null,
  name  text not null,
  tat   timestamptz not null,
  primary key (scope, name)
) with (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- Permits to run at once, leased to workers in blocks. What is held and not expired never sums up to more than the limit.
create table limit_permits (
  scope      text not null,
  name       text not null,
  session    text not null,
  held       integer not null,
  expires_at timestamptz not null,
  primary key (scope, name, session)
) with (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- Takes up to `wanted` tokens. `wait_ms`: until there is one more; 0 when all were granted. No such limit: all of them.
create function take_tokens(limit_scope text, limit_name text, wanted integer, out granted integer, out wait_ms float8)
language plpgsql as $$
declare
  rate float8;
  spacing interval;
  capacity integer;
  moment timestamptz;
  arrival timestamptz;
begin
  select l.rate_per_second, coalesce(l.burst, greatest(1, ceil(l.rate_per_second))::integer) into rate, capacity
    from limits l where l.scope = limit_scope and l.name = limit_name;
  if rate is null then
    granted := wanted;
    wait_ms := 0;
    return;
  end if;
  spacing := interval '1 second' / rate;
  insert into limit_rates (scope, name, tat) values (limit_scope, limit_name, clock_timestamp()) on conflict do nothing;
  select tat into arrival from limit_rates where scope = limit_scope and name = limit_name for update;
  moment := clock_timestamp(); -- After the lock: whoever waited for it comes later.
  -- A lowered rate or burst must not leave a debt of more than one burst.
  arrival := least(greatest(arrival, moment), moment + spacing * capacity);
  granted := greatest(0, least(wanted, floor(
    (extract(epoch from spacing * capacity) - extract(epoch from arrival - moment)) * rate + 1e-6)::integer));
  arrival := arrival + spacing * granted;
  update limit_rates set tat = arrival where scope = limit_scope and name = limit_name;
  wait_ms := case when granted = wanted then 0
    else greatest(0, extract(epoch from arrival - moment - spacing * (capacity - 1)) * 1000) end;
end $$;

-- Sets how many permits a session holds in all to `wanted`, or to as many as there are. Null: there is no such limit.
-- The limit's row is the lock; the sum is read after it, by a statement of its own.
create function lease_permits(limit_scope text, limit_name text, holder text, wanted integer, lease_ms integer)
returns integer language plpgsql as $$
declare
  most integer;
  others integer;
  now_held integer;
begin
  select max_concurrent into most from limits where scope = limit_scope and name = limit_name for update;
  if most is null then
    delete from limit_permits where scope = limit_scope and name = limit_name and session = holder;
    return null;
  end if;
  delete from limit_permits
    where scope = limit_scope and name = limit_name and session <> holder and expires_at < clock_timestamp();
  select coalesce(sum(held), 0) into others
    from limit_permits where scope = limit_scope and name = limit_name and session <> holder;
  now_held := greatest(0, least(wanted, most - others));
  if now_held = 0 then
    delete from limit_permits where scope = limit_scope and name = limit_name and session = holder;
  else
    insert into limit_permits (scope, name, session, held, expires_at)
      values (limit_scope, limit_name, holder, now_held, clock_timestamp() + lease_ms * interval '1 millisecond')
      on conflict (scope, name, session) do update set held = excluded.held, expires_at = excluded.expires_at;
  end if;
  return now_held;
end $$;

-- Parked tasks go on by their urgency. A million of them are found by name, and each name by one look.
drop index open_tasks_parked;
create index open_tasks_parked on open_tasks (parked_for, priority desc, seq) where parked_for is not null;
