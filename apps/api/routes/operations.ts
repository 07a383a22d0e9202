import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import type { Ports } from "../ports.ts";

const tag = "Operations";
const READINESS = t.Object({ status: t.String(), checks: t.Object({}, { additionalProperties: true }) });

/** For orchestrators and Prometheus: open, and never behind the database. */
export function operationsRoutes(ports: Pick<Ports, "health" | "metrics" | "isMetricsPublic">) {
  const routes = new Elysia({ name: "operations" })
    .get("/health/live", () => ports.health.live(), {
      detail: documented({
        summary: "The process answers",
        tag,
        isOpen: true,
        answers: { 200: { description: "It does.", schema: t.Object({ status: t.String() }) } },
      }),
    })
    .get(
      "/health/ready",
      async ({ set }) => {
        const readiness = await ports.health.ready();
        set.status = readiness.status === "ready" ? 200 : 503;
        return readiness;
      },
      {
        detail: documented({
          summary: "Everything it needs answers",
          description: "`checks` names what is down, and why.",
          tag,
          isOpen: true,
          answers: {
            200: { description: "Ready for work.", schema: READINESS },
            503: { description: "Not ready; new work should go elsewhere.", schema: READINESS },
          },
        }),
      },
    );
  if (!ports.isMetricsPublic) return routes;
  return routes.get(
    "/metrics",
    async () =>
      new Response(await ports.metrics.render(), { headers: { "Content-Type": ports.metrics.contentType } }),
    {
      detail: documented({
        summary: "Metrics for Prometheus",
        tag,
        isOpen: true,
        answers: { 200: { description: "The exposition text." } },
      }),
    },
  );
}
