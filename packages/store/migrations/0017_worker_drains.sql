-- Workers of the product to which nothing new is given, by an operator's word. By id: a worker that is started again is
-- drained as well, until an operator lets it work again. Those that speak HTTP have it in their registration.
create table worker_drains (
  worker_id  text primary key,
  drained_by bigint not null,
  drained_at timestamptz not null default clock_timestamp()
);
