import { LANES } from "@millrace/core";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded, sightOf } from "../http/access.ts";
import { choice } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { breakerFields } from "./breakers.ts";

const tag = "Operations";
const count = () => t.Integer({ minimum: 0 });
const time = () => t.String({ format: "date-time" });
const maybe = () => t.Nullable(t.Number());

const RunQuantiles = t.Object({ p50: maybe(), p95: maybe(), p99: maybe() });

const WorkerAnswer = t.Object({
  worker_id: t.String(),
  kind: choice(["embedded", "http"]),
  status: choice(["active", "draining", "unhealthy", "dead"]),
  is_answering: t.Nullable(t.Boolean({ description: "Null for workers that are never asked." })),
  capabilities: t.Array(t.String()),
  max_concurrent_tasks: count(),
  current_tasks: t.Array(t.String()),
  started_at: time(),
  last_heartbeat_at: time(),
  heartbeat_interval: t.Number(),
  system_info: t.Object({ cpu_usage: maybe(), memory_usage: maybe(), disk_usage: maybe() }),
});

const PartAnswer = t.Object({
  name: t.String(),
  status: choice(["up", "degraded", "down", "unknown"]),
  reason: t.Nullable(t.String()),
  instances: count(),
  checks: t.Record(t.String(), t.Unknown()),
});

const AlertAnswer = t.Object({
  id: t.String(),
  rule: t.String(),
  severity: choice(["warning", "critical"]),
  state: choice(["firing", "resolved"]),
  since: time(),
  summary: t.String(),
  value: t.Number(),
  threshold: t.Number(),
  labels: t.Record(t.String(), t.String()),
});

const BucketAnswer = t.Object({
  start: time(),
  submitted: count(),
  completed: count(),
  failed: count(),
  retried: count(),
  p50: maybe(),
  p95: maybe(),
  p99: maybe(),
  pending: t.Nullable(count()),
  running: t.Nullable(count()),
});

const OverviewAnswer = t.Object({
  at: time(),
  scope: choice(["all", "own"], {
    description: "`own`, for plain users: only `counts` of their own, and `parts`.",
  }),
  counts: t.Record(t.String(), t.Unknown()),
  rates: t.Optional(t.Record(t.String(), t.Number())),
  run_ms: t.Optional(RunQuantiles),
  error_rate: t.Optional(maybe()),
  depth: t.Optional(
    t.Array(t.Object({ lane: choice(LANES), priority: t.Integer(), queued: count(), running: count() })),
  ),
  paused: t.Optional(t.Array(t.String({ description: "A lane or a task type." }))),
  breakers: t.Optional(t.Array(t.Object(breakerFields), { description: "The worst first; 100 at most." })),
  workers: t.Optional(t.Array(WorkerAnswer)),
  events: t.Optional(t.Record(t.String(), maybe())),
  parts: t.Array(PartAnswer),
  alerts: t.Optional(t.Array(AlertAnswer)),
  history: t.Optional(t.Array(BucketAnswer)),
});

export function overviewRoutes(ports: Ports) {
  const { overview, overviewBroadcast } = ports;
  return new Elysia({ name: "overview", prefix: "/api" })
    .use(guarded)
    .get(
      "/stats",
      async ({ identity }) => {
        const ownerId = sightOf(identity);
        await overview.ready(ownerId);
        return ownerId === null ? overview.whole() : overview.own(ownerId);
      },
      {
        scope: "tasks:read",
        detail: documented({
          summary: "The state of the queue",
          description:
            "Counts, rates of the last minute, run times and share of failures of the last five, the last hour in buckets of ten seconds, workers, and how every part is. Plain users get the counts of their own tasks.",
          tag,
          answers: { 200: { description: "As of this second.", schema: OverviewAnswer } },
        }),
      },
    )
    .get(
      "/stream",
      async ({ identity, request }) => {
        const ownerId = sightOf(identity);
        await overview.ready(ownerId);
        const response = overviewBroadcast.stream({ ownerId, draining: ports.draining });
        ports.keepOpen(request);
        return response;
      },
      {
        scope: "tasks:read",
        detail: documented({
          summary: "Watch the state of the queue",
          description:
            "Server-sent events: `overview` first, as /api/stats answers it; then, each second, `tick` with the same less `history`, and the `latest` buckets; `steps` with the tasks that moved. Plain users get `overview` again and again. It ends with the life of an access token: come back. A hundred viewers cost the database what one does.",
          tag,
          answers: { 200: { description: "text/event-stream" } },
        }),
      },
    );
}
