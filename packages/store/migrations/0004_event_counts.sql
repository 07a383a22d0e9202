-- How many events, by minute and by one thing at a time: type, source or level. event_rollups holds every combination of
-- them, of which a minute may have a thousand; what is asked most often needs only one, and reads a few dozen rows.
create table event_counts (
  dimension text not null,                 -- type, source, level
  minute    timestamptz not null,
  value     text not null,
  owner_id  bigint not null,
  events    bigint not null,
  primary key (dimension, minute, value, owner_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);

insert into event_counts
select dimension, minute, value, owner_id, sum(events)
from event_rollups cross join lateral (values ('type', type), ('source', source), ('level', level)) d(dimension, value)
group by 1, 2, 3, 4;
