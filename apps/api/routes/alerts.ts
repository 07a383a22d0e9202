import { ALERT_NAMES } from "@millrace/core/alerts/rules";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";

const time = () => t.String({ format: "date-time" });

const AlertList = strict({
  items: t.Array(
    strict({
      id: t.String({ description: "The same whenever the same thing is wrong: queue_age:short." }),
      rule: choice(ALERT_NAMES),
      severity: choice(["warning", "critical"]),
      state: choice(["firing", "resolved"]),
      since: time(),
      resolved_at: t.Nullable(time()),
      summary: t.String(),
      value: t.Number({ description: "When it fired, or when it was resolved." }),
      threshold: t.Number(),
      labels: t.Record(t.String(), t.String()),
    }),
  ),
});

export function alertRoutes({ alerts }: Pick<Ports, "alerts">) {
  return new Elysia({ name: "alerts", prefix: "/api/alerts" })
    .use(guarded)
    .get("", () => ({ items: alerts.list() }), {
      scope: "tasks:read",
      role: "operator",
      detail: documented({
        summary: "What is wrong, and what was",
        description:
          "Alerts that fire, the worst first, and those that were resolved within a day. ALERT_RULES changes thresholds and times; ALERT_WEBHOOK_URL is told of each change.",
        tag: "Operations",
        answers: { 200: { description: "At most 500.", schema: AlertList } },
      }),
    });
}
