-- Workers that run anywhere and speak HTTP: who they are, which task types go to them, and what they have leased.

-- Who registered, and for what. Heartbeats are not here but in the bucket `workers`: no statement per beat.
create table remote_workers (
  worker_id            text primary key,
  owner_id             bigint not null,
  -- One life of the worker, as it stands in claims: worker id, `~`, nonce. Another registration is another life.
  session              text not null,
  -- What the worker calls this life of its own; the same again is the same life, whose answer got lost.
  instance             text,
  -- Registered by an operator: it gets the tasks of all owners. Otherwise those of its owner alone.
  serves_all           boolean not null,
  capabilities         text[] not null,
  max_concurrent_tasks integer not null,
  heartbeat_s          integer not null,
  is_draining          boolean not null,
  registered_at        timestamptz not null
);
create index remote_workers_by_owner on remote_workers (owner_id, worker_id);

-- How tasks of a type find who runs them. Without a row: by a message to the workers of the product, as ever.
-- A type that none of those has a handler for is shelved: its tasks have no message, and wait here to be leased.
create table task_routes (
  task_type   text primary key,
  is_embedded boolean not null, -- a worker of the product has a handler
  is_leased   boolean not null  -- a worker over HTTP has registered for it
);

-- lease_type: workers over HTTP may lease it; lease_owner: whose it is, for workers that serve one owner.
-- is_shelved: it has no message. Without, both may take it, and the claim decides.
-- lease_until: of a claim that is a lease. lease_deadline: where the task's own time-out ends it, however often extended.
alter table open_tasks
  add column lease_type text,
  add column lease_owner bigint,
  add column is_shelved boolean not null default false,
  add column lease_until timestamptz,
  add column lease_deadline timestamptz;

-- What should be in the stream. What is shelved should not: a million of those are never met by the reconciler.
drop index open_tasks_ready;
create index open_tasks_ready on open_tasks (lane, priority, ready_at)
  where claimed_by is null and waiting_for = 0 and not is_shelved;
create index open_tasks_shelved on open_tasks (lane, priority, ready_at)
  where claimed_by is null and waiting_for = 0 and is_shelved;

-- By type: who takes them off the shelf when a worker of the product has learned to run them.
create index open_tasks_shelved_types on open_tasks (lease_type, seq) where is_shelved;

create index open_tasks_leasable on open_tasks (lease_type, lane, priority, ready_at)
  where claimed_by is null and waiting_for = 0 and lease_type is not null;
create index open_tasks_leasable_own on open_tasks (lease_owner, lease_type, lane, priority, ready_at)
  where claimed_by is null and waiting_for = 0 and lease_type is not null;
create index open_tasks_leased on open_tasks (lease_until) where claimed_by is not null and lease_until is not null;

-- Leases up to `wanted` tasks to this life of a worker, the first of `priorities` first; those of one owner, or of all
-- when the owner is null. The worker's row is locked, so that its leases wait for each other and its limit holds,
-- whichever api process they come to. Several workers at once get different tasks and never wait for each other.
-- `is_current`: false when the worker is gone, draining, or lives another life by now; then nothing is leased.
-- `next_due`: when the next task that it could have had becomes due; null when it got as many as it wanted.
create function lease_tasks(
  the_worker text, the_session text, the_owner bigint, wanted integer, priorities smallint[], lease_s integer,
  short_timeout_s integer,
  out is_current boolean, out free integer, out taken bigint[], out attempts integer[], out untils timestamptz[],
  out next_due timestamptz
) language plpgsql as $$
declare
  worker remote_workers;
  types text[];
  lanes text[];
  room integer;
  level record;
  picked bigint[];
  one record;
  moment timestamptz := clock_timestamp();
begin
  taken := '{}';
  attempts := '{}';
  untils := '{}';
  select * into worker from remote_workers w
    where w.worker_id = the_worker and w.session = the_session and not w.is_draining for update;
  is_current := found;
  free := 0;
  if not is_current then
    return;
  end if;
  free := greatest(0, worker.max_concurrent_tasks - (select count(*) from open_tasks o where o.claimed_by = the_session));
  room := least(wanted, free);
  if room <= 0 then
    return;
  end if;
  -- In another order each time: of two types that always have tasks, neither starves the other.
  types := array(select c from unnest(worker.capabilities) c
    where not exists (select 1 from queue_pauses p where p.name = c and not p.is_lane) order by random());
  lanes := array(select l from unnest(array['short', 'long']) l
    where not exists (select 1 from queue_pauses p where p.name = l and p.is_lane));
  for level in
    select c.name as task_type, l.name as lane, p.priority
    from unnest(priorities) with ordinality p(priority, place)
      cross join unnest(lanes) with ordinality l(name, place) cross join unnest(types) with ordinality c(name, place)
    where case when the_owner is null
      then exists (select 1 from open_tasks o where o.lease_type = c.name and o.lane = l.name and o.priority = p.priority
        and o.claimed_by is null and o.waiting_for = 0 and o.ready_at <= moment)
      else exists (select 1 from open_tasks o where o.lease_owner = the_owner and o.lease_type = c.name and o.lane = l.name
        and o.priority = p.priority and o.claimed_by is null and o.waiting_for = 0 and o.ready_at <= moment)
      end
    order by p.place, l.place, c.place
  loop
    if the_owner is null then
      picked := array(
        select o.seq from open_tasks o
        where o.lease_type = level.task_type and o.lane = level.lane and o.priority = level.priority
          and o.claimed_by is null and o.waiting_for = 0 and o.ready_at <= moment
          and (o.attempt > 0 or coalesce((select d.expires_at > moment from task_deadlines d where d.seq = o.seq), true))
        order by o.ready_at limit room for update skip locked);
    else
      picked := array(
        select o.seq from open_tasks o
        where o.lease_owner = the_owner and o.lease_type = level.task_type and o.lane = level.lane
          and o.priority = level.priority and o.claimed_by is null and o.waiting_for = 0 and o.ready_at <= moment
          and (o.attempt > 0 or coalesce((select d.expires_at > moment from task_deadlines d where d.seq = o.seq), true))
        order by o.ready_at limit room for update skip locked);
    end if;
    for one in
      update open_tasks o
      set attempt = o.attempt + 1, claimed_by = the_session, claimed_at = x.claimed_at, parked_for = null,
        lease_deadline = x.deadline, lease_until = least(x.claimed_at + make_interval(secs => lease_s), x.deadline)
      from (
        select p.seq, clock_timestamp() as claimed_at, clock_timestamp() + make_interval(secs => (
          select case when t.lane = 'short' then least(t.timeout_s, short_timeout_s) else t.timeout_s end
          from tasks t where t.seq = p.seq)) as deadline
        from unnest(picked) p(seq)
      ) x
      where o.seq = any(picked) and o.seq = x.seq
      returning o.seq, o.attempt, o.lease_until
    loop
      taken := taken || one.seq;
      attempts := attempts || one.attempt::integer;
      untils := untils || one.lease_until;
      room := room - 1;
    end loop;
    exit when room <= 0;
  end loop;
  if room > 0 then
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
