-- Tenants that wait at the same lane and priority take turns. A message says that something is due there; whose task is
-- started is then decided by these rows.

-- tenant: whose turn it is started in; '' for tasks of nobody's. Null: it takes no part, and has its place in the queue by
-- its message alone. Those are tasks without a tenant that were due at once and met no tenant who waited, so that whoever
-- has no tenants keeps no index.
-- offered_until: a worker is about to claim it; nobody else is offered it until then.
alter table open_tasks
  add column tenant text collate "C",
  add column offered_until timestamptz;

update open_tasks o set tenant = t.tenant from tasks t where t.seq = o.seq and t.tenant is not null;

-- Who waits at a level, and each one's tasks from the oldest: one look for each tenant, however much it has waiting.
-- waiting_for < 1, and not = 0, so that no plan can take open_tasks_ready instead and read the queues of all others.
create index open_tasks_turns on open_tasks (lane, priority, tenant, ready_at)
  where tenant is not null and claimed_by is null and waiting_for < 1 and not is_shelved and parked_for is null;
