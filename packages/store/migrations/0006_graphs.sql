-- Graphs: who waits for whom, and which ends have not been told to those who wait.

-- One row for each dependency. `met` is null while the child waits for the parent, true once the parent has completed,
-- false when it ended otherwise. An edge is counted when it stops being null, which is a change of one row that only one
-- transaction can make: so a parent releases a child once, whatever happens at the same moment.
--
-- Partitioned by the day of the parent, so that a release reads one partition, and that the edges of a day go with the
-- results of its tasks. A day is kept as long as an open task depends on one of its tasks.
create table task_edges (
  parent      bigint not null,
  child       bigint not null,
  met         boolean,
  runs_anyway boolean not null, -- on_parent_failure: "run"
  primary key (parent, child)
) partition by range (parent);
create index task_edges_by_child on task_edges (child, parent);
create table task_edges_default partition of task_edges default;

alter table tasks add column on_parent_failure text; -- null: fail

-- Set before the first child is committed. Who adds a child holds the parent's open row, so an end that takes the row
-- away either comes first and is seen, or sees this.
alter table open_tasks add column has_children boolean not null default false;

-- Tasks that have ended and whose children have not been looked at since. Short-lived: the worker that settled the task
-- takes the row a moment later, and the scheduler if that worker dies.
create table ended_parents (
  id  bigint generated always as identity primary key,
  seq bigint not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1);

-- No step that takes an open row away can forget its children: they are noted where the row goes.
create function note_ended_parent() returns trigger language plpgsql as $$
begin
  insert into ended_parents (seq) values (old.seq);
  return null;
end $$;
create trigger open_tasks_ended after delete on open_tasks
  for each row when (old.has_children) execute function note_ended_parent();

-- What waits for parents is not in the queue: the reconciler never reads it.
drop index open_tasks_ready;
create index open_tasks_ready on open_tasks (lane, priority, ready_at) where claimed_by is null and waiting_for = 0;

create or replace function make_partitions(first_day date, days integer) returns integer language plpgsql as $$
declare
  day date;
  made integer := 0;
  parent text;
  name text;
  from_seq bigint;
  until_seq bigint;
  is_in_default boolean;
begin
  for day in select generate_series(first_day, first_day + days - 1, interval '1 day')::date loop
    from_seq := seq_at(day::timestamp at time zone 'UTC');
    until_seq := seq_at((day + 1)::timestamp at time zone 'UTC');
    foreach parent in array array['tasks', 'outcomes', 'task_edges'] loop
      name := parent || '_' || to_char(day, 'YYYYMMDD');
      continue when to_regclass(name) is not null;
      -- Rows of that day that went to the default partition stay there: it is searched like any other.
      execute format('select exists (select 1 from %I where %I >= %s and %I < %s)', parent || '_default',
        case parent when 'task_edges' then 'parent' else 'seq' end, from_seq,
        case parent when 'task_edges' then 'parent' else 'seq' end, until_seq) into is_in_default;
      continue when is_in_default;
      execute format('create table %I partition of %I for values from (%s) to (%s)', name, parent, from_seq, until_seq);
      made := made + 1;
    end loop;
  end loop;
  return made;
end $$;

select make_partitions((now() at time zone 'UTC')::date - 1, 9);
