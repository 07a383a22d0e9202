-- Tasks that took their worker along: counted, run alone, and what they said before they died. And limits for tasks that
-- workers over HTTP lease.

-- deaths: attempts that were lost because their worker died, or looked so; lost leases of workers that lived on are not.
-- is_alone: too many of them. It runs alone from now on: in a process of its own, or leased to a worker without other tasks.
-- alone_with, alone_until: the busy worker over HTTP that is given nothing else until it can have it.
-- lease_tenant: whose tenant's limit a lease counts for.
alter table open_tasks
  add column deaths smallint not null default 0,
  add column is_alone boolean not null default false,
  add column alone_with text,
  add column alone_until timestamptz,
  add column lease_tenant text;
create index open_tasks_alone on open_tasks (lease_type, priority, ready_at)
  where is_alone and claimed_by is null and lease_type is not null;

-- A lease is its own permit: it is counted where it is, and gone the moment it ends, however it ends.
create index open_tasks_leases_of_type on open_tasks (lease_type)
  where claimed_by is not null and lease_until is not null;
create index open_tasks_leases_of_tenant on open_tasks (lease_tenant)
  where claimed_by is not null and lease_until is not null and lease_tenant is not null;

-- The end of what an attempt wrote that ran alone. It goes with its partition.
alter table outcomes add column log text;

-- Leases that hold a permit of a limit. Hosts are called by workers of the product alone.
create function count_leases(limit_scope text, limit_name text) returns integer language sql stable as $$
  select case limit_scope
    when 'type' then (select count(*)::integer from open_tasks
      where lease_type = limit_name and claimed_by is not null and lease_until is not null)
    when 'tenant' then (select count(*)::integer from open_tasks
      where lease_tenant = limit_name and claimed_by is not null and lease_until is not null and lease_tenant is not null)
    else 0 end $$;

-- Sets how many permits a session holds in all to `wanted`, or to as many as there are. Null: there is no such limit.
-- The limit's row is the lock; the sum is read after it, by a statement of its own.
create or replace function lease_permits(limit_scope text, limit_name text, holder text, wanted integer, lease_ms integer)
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
  select coalesce(sum(held), 0) + count_leases(limit_scope, limit_name) into others
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

-- Of tasks that the caller has locked, in the order in which they want to start: those that the limits of their type and
-- tenant let start, their tokens taken. The others are parked for the limit that holds them, as `hold-tasks.ts` does.
-- All limits that are concerned are locked first, in the order of their names: two that ask at once wait in a line.
create function admit_leases(picked bigint[], out admitted bigint[], out held_by text[]) language plpgsql as $$
declare
  rule record;
  one record;
  key text;
  granted integer;
  permits integer;
  -- By the name for which tasks are parked: what may still start, the tokens taken, and what did start.
  rooms jsonb := '{}';
  tokens jsonb := '{}';
  started jsonb := '{}';
  holder text;
begin
  admitted := '{}';
  held_by := '{}';
  perform 1 from limits l
    where (l.scope = 'type' and l.name in (select o.lease_type from open_tasks o where o.seq = any(picked)))
      or (l.scope = 'tenant' and l.name in (select t.tenant from tasks t where t.seq = any(picked)))
    order by l.scope, l.name for update;
  if not found then
    admitted := picked;
    return;
  end if;
  for rule in
    select l.scope, l.name, l.rate_per_second, l.max_concurrent from limits l
    where (l.scope = 'type' and l.name in (select o.lease_type from open_tasks o where o.seq = any(picked)))
      or (l.scope = 'tenant' and l.name in (select t.tenant from tasks t where t.seq = any(picked)))
    order by l.scope, l.name
  loop
    key := 'limit:' || rule.scope || ':' || rule.name;
    permits := cardinality(picked);
    if rule.max_concurrent is not null then
      permits := least(permits, greatest(0, rule.max_concurrent - count_leases(rule.scope, rule.name) - coalesce((
        select sum(p.held)::integer from limit_permits p
        where p.scope = rule.scope and p.name = rule.name and p.expires_at >= clock_timestamp()), 0)));
    end if;
    granted := permits;
    if rule.rate_per_second is not null and permits > 0 then
      granted := (select t.granted from take_tokens(rule.scope, rule.name, permits) t);
      tokens := tokens || jsonb_build_object(key, granted);
    end if;
    rooms := rooms || jsonb_build_object(key, granted);
    started := started || jsonb_build_object(key, 0);
  end loop;

  for one in
    select p.seq, 'limit:type:' || o.lease_type as of_type, 'limit:tenant:' || t.tenant as of_tenant
    from unnest(picked) with ordinality p(seq, place) join open_tasks o on o.seq = p.seq join tasks t on t.seq = p.seq
    where o.seq = any(picked) and t.seq = any(picked) order by p.place
  loop
    holder := null;
    foreach key in array array_remove(array[one.of_type, one.of_tenant], null) loop
      if (started ->> key)::integer >= (rooms ->> key)::integer then
        holder := key;
        exit;
      end if;
    end loop;
    if holder is null then
      admitted := admitted || one.seq;
      foreach key in array array_remove(array[one.of_type, one.of_tenant], null) loop
        if started ? key then
          started := started || jsonb_build_object(key, (started ->> key)::integer + 1);
        end if;
      end loop;
    else
      update open_tasks set parked_for = holder, ready_at = 'infinity', published_at = null where seq = one.seq;
      if not holder = any(held_by) then
        held_by := held_by || holder;
      end if;
    end if;
  end loop;

  -- Tokens of what another limit held back after all.
  update limit_rates r
  set tat = r.tat - make_interval(secs => ((tokens ->> k.key)::integer - (started ->> k.key)::integer) / l.rate_per_second)
  from jsonb_object_keys(tokens) k(key)
    join limits l on 'limit:' || l.scope || ':' || l.name = k.key
  where r.scope = l.scope and r.name = l.name and l.rate_per_second is not null
    and (tokens ->> k.key)::integer > (started ->> k.key)::integer;
end $$;

-- Leases up to `wanted` tasks to this life of a worker, as before, and:
-- A task that is to run alone goes to a worker that has no other, which then gets no other either. So that it is not starved
-- by workers that are never idle, the first busy one that asks is given nothing more until it can have it; `alone_s` after
-- its last question another one may be held for it.
-- What a limit does not let start is parked: `held_by` says for what; the caller asks again then, since there may be others.
drop function lease_tasks(text, text, bigint, integer, smallint[], integer, integer);
create function lease_tasks(
  the_worker text, the_session text, the_owner bigint, wanted integer, priorities smallint[], lease_s integer,
  short_timeout_s integer, alone_s integer,
  out is_current boolean, out free integer, out taken bigint[], out attempts integer[], out untils timestamptz[],
  out next_due timestamptz, out held_by text[]
) language plpgsql as $$
declare
  worker remote_workers;
  types text[];
  lanes text[];
  running integer;
  room integer;
  level record;
  picked bigint[] := '{}';
  lone bigint;
  moment timestamptz := clock_timestamp();
begin
  taken := '{}';
  attempts := '{}';
  untils := '{}';
  held_by := '{}';
  select * into worker from remote_workers w
    where w.worker_id = the_worker and w.session = the_session and not w.is_draining for update;
  is_current := found;
  free := 0;
  if not is_current then
    return;
  end if;
  running := (select count(*) from open_tasks o where o.claimed_by = the_session);
  if running > 0 and exists (select 1 from open_tasks o where o.claimed_by = the_session and o.is_alone) then
    return;
  end if;
  free := greatest(0, worker.max_concurrent_tasks - running);
  room := least(wanted, free);
  if room <= 0 then
    return;
  end if;
  -- In another order each time: of two types that always have tasks, neither starves the other.
  types := array(select c from unnest(worker.capabilities) c
    where not exists (select 1 from queue_pauses p where p.name = c and not p.is_lane) order by random());
  lanes := array(select l from unnest(array['short', 'long']) l
    where not exists (select 1 from queue_pauses p where p.name = l and p.is_lane));

  select o.seq into lone from open_tasks o
    where o.is_alone and o.claimed_by is null and o.waiting_for = 0 and o.ready_at <= moment
      and o.lease_type = any(types) and o.lane = any(lanes) and (the_owner is null or o.lease_owner = the_owner)
      and (running = 0 or o.alone_until is null or o.alone_until < moment or o.alone_with = the_session)
    order by o.priority desc, o.ready_at limit 1 for update skip locked;
  if lone is not null and running > 0 then
    update open_tasks o set alone_with = the_session, alone_until = moment + make_interval(secs => alone_s)
      where o.seq = lone;
    free := 0;
    return;
  end if;
  if lone is not null then
    picked := array[lone];
  else
    for level in
      select c.name as task_type, l.name as lane, p.priority
      from unnest(priorities) with ordinality p(priority, place)
        cross join unnest(lanes) with ordinality l(name, place) cross join unnest(types) with ordinality c(name, place)
      where case when the_owner is null
        then exists (select 1 from open_tasks o where o.lease_type = c.name and o.lane = l.name and o.priority = p.priority
          and o.claimed_by is null and o.waiting_for = 0 and o.ready_at <= moment)
        else exists (select 1 from open_tasks o where o.lease_owner = the_owner and o.lease_type = c.name
          and o.lane = l.name and o.priority = p.priority and o.claimed_by is null and o.waiting_for = 0
          and o.ready_at <= moment)
        end
      order by p.place, l.place, c.place
    loop
      if the_owner is null then
        picked := picked || array(
          select o.seq from open_tasks o
          where o.lease_type = level.task_type and o.lane = level.lane and o.priority = level.priority
            and o.claimed_by is null and o.waiting_for = 0 and o.ready_at <= moment and not o.is_alone
            and (o.attempt > 0 or coalesce((select d.expires_at > moment from task_deadlines d where d.seq = o.seq), true))
          order by o.ready_at limit room - cardinality(picked) for update skip locked);
      else
        picked := picked || array(
          select o.seq from open_tasks o
          where o.lease_owner = the_owner and o.lease_type = level.task_type and o.lane = level.lane
            and o.priority = level.priority and o.claimed_by is null and o.waiting_for = 0 and o.ready_at <= moment
            and not o.is_alone
            and (o.attempt > 0 or coalesce((select d.expires_at > moment from task_deadlines d where d.seq = o.seq), true))
          order by o.ready_at limit room - cardinality(picked) for update skip locked);
      end if;
      exit when cardinality(picked) >= room;
    end loop;
  end if;
  if cardinality(picked) > 0 and exists (select 1 from limits l where l.scope in ('type', 'tenant')) then
    select a.admitted, a.held_by into picked, held_by from admit_leases(picked) a;
  end if;
  if cardinality(picked) > 0 then
    with claimed as (
      update open_tasks o
      set attempt = o.attempt + 1, claimed_by = the_session, claimed_at = x.claimed_at, parked_for = null,
        lease_deadline = x.deadline, lease_until = least(x.claimed_at + make_interval(secs => lease_s), x.deadline),
        lease_tenant = x.tenant, alone_with = null, alone_until = null
      from (
        select p.seq, clock_timestamp() as claimed_at, t.tenant, clock_timestamp() + make_interval(secs =>
          case when t.lane = 'short' then least(t.timeout_s, short_timeout_s) else t.timeout_s end) as deadline
        from unnest(picked) p(seq) cross join lateral (
          -- By key, one after the other: flattened, it is planned as a join that reads every task.
          select a.lane, a.timeout_s, a.tenant from tasks a where a.seq = p.seq offset 0
        ) t
      ) x
      where o.seq = any(picked) and o.seq = x.seq
      returning o.seq, o.attempt, o.lease_until
    )
    select coalesce(array_agg(c.seq order by array_position(picked, c.seq)), '{}'),
      coalesce(array_agg(c.attempt::integer order by array_position(picked, c.seq)), '{}'),
      coalesce(array_agg(c.lease_until order by array_position(picked, c.seq)), '{}')
      into taken, attempts, untils from claimed c;
  end if;
  if lone is null and cardinality(taken) < room and cardinality(held_by) = 0 then
    select min(due.ready_at) into next_due
    from unnest(priorities) p(priority) cross join unnest(lanes) l(name) cross join unnest(types) c(name)
      cross join lateral (
        select o.ready_at from open_tasks o
        where o.lease_type = c.name and o.lane = l.name and o.priority = p.priority
          and o.claimed_by is null and o.waiting_for = 0 and o.ready_at > moment and o.ready_at < 'infinity'
          and (the_owner is null or o.lease_owner = the_owner)
        order by o.ready_at limit 1
      ) due;
  end if;
end $$;
