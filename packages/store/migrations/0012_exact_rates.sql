-- The distance of two starts as an interval was rounded to microseconds: 7.5 per second with a burst of 8 granted 7, and a
-- rate of 700 000 became a million. Counted as seconds in floating point, it is exact to one start.

-- Takes up to `wanted` tokens. `wait_ms`: until there is one more; 0 when all were granted. No such limit: all of them.
create or replace function take_tokens(limit_scope text, limit_name text, wanted integer, out granted integer, out wait_ms float8)
language plpgsql as $$
declare
  rate float8;
  capacity integer;
  moment timestamptz;
  arrival timestamptz;
  debt float8; -- Seconds by which the rate is ahead of the clock: 0 is a full burst.
begin
  select l.rate_per_second, coalesce(l.burst, greatest(1, ceil(l.rate_per_second))::integer) into rate, capacity
    from limits l where l.scope = limit_scope and l.name = limit_name;
  if rate is null then
    granted := wanted;
    wait_ms := 0;
    return;
  end if;
  insert into limit_rates (scope, name, tat) values (limit_scope, limit_name, clock_timestamp()) on conflict do nothing;
  select tat into arrival from limit_rates where scope = limit_scope and name = limit_name for update;
  moment := clock_timestamp(); -- After the lock: whoever waited for it comes later.
  debt := least(greatest(0, extract(epoch from arrival - moment)), capacity / rate);
  -- A thousandth, for what microseconds round.
  granted := greatest(0, least(wanted, floor(capacity - debt * rate + 0.001)::integer));
  debt := debt + granted / rate;
  update limit_rates set tat = moment + debt * interval '1 second' where scope = limit_scope and name = limit_name;
  wait_ms := case when granted = wanted then 0 else greatest(0, debt - (capacity - 1) / rate) * 1000 end;
end $$;
