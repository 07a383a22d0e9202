-- W3C trace context of the request that a task came in with: `traceparent`, then a space and `tracestate` if there is one.
-- Only of traces that are recorded; it lets messages that are written again, retries and leases go on with them.
alter table tasks add column trace_context text;
