import { Fault } from "@millrace/core";
import { type AnyElysia, Elysia } from "elysia";
import { describeRoutes } from "./docs/openapi.ts";
import { createDoor, type Handler } from "./http/door.ts";
import { faultOf } from "./http/fault-of.ts";
import { problemResponse } from "./http/problem.ts";
import { scopeOf } from "./http/request-scope.ts";
import { RouteTable } from "./http/route-table.ts";
import type { Ports } from "./ports.ts";
import { alertRoutes } from "./routes/alerts.ts";
import { authRoutes } from "./routes/auth.ts";
import { breakerRoutes } from "./routes/breakers.ts";
import { bulkHandshakeRoutes, bulkRoutes } from "./routes/bulk.ts";
import { dlqRoutes } from "./routes/dlq.ts";
import { docsRoutes } from "./routes/docs.ts";
import { eventQueryRoutes } from "./routes/event-queries.ts";
import { eventRoutes } from "./routes/events.ts";
import { fileRoutes } from "./routes/files.ts";
import { homeRoutes } from "./routes/home.ts";
import { keyRoutes } from "./routes/keys.ts";
import { ledgerRoutes } from "./routes/ledger.ts";
import { limitRoutes } from "./routes/limits.ts";
import { operationsRoutes } from "./routes/operations.ts";
import { otlpRoutes } from "./routes/otlp.ts";
import { overviewRoutes } from "./routes/overview.ts";
import { queueRoutes } from "./routes/queues.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { taskRoutes } from "./routes/tasks.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { workerRoutes } from "./routes/workers.ts";

/**
 * The whole API without a port: `app.handle(request)` answers as the process does.
 *
 * Its shell is the door around the router and two hooks: one notes the route, one turns what was thrown into a problem.
 * Hooks take their context apart in the parameter list: Elysia reads their source, and a context that is handed on as
 * a whole makes it parse headers, query and cookies for every request.
 */
export function createApp(ports: Ports): AnyElysia {
  const routes = apiRoutes(ports);
  let table: RouteTable | undefined;
  const routeTable = (): RouteTable => {
    table ??= new RouteTable(app.routes);
    return table;
  };
  const enter = createDoor(ports, routeTable);

  const app: AnyElysia = new Elysia({
    name: "millrace-api",
    // Elysia removes unknown fields by default; here they are mistakes, and refused by name.
    normalize: false,
    // By default the path is taken from the eleventh character on, which a short Host header shifts.
    handler: { standardHostname: false },
  })
    // Elysia calls what this returns with the request, and its type says less than that.
    .wrap((next) => enter(next as unknown as Handler))
    .onTransform({ as: "global" }, ({ request, route }) => {
      scopeOf(request).route = route;
    })
    .onError({ as: "global" }, ({ request, route, path, error }) => {
      const scope = scopeOf(request);
      scope.route ??= route;
      const fault = faultOf(error, request.url);
      if (fault.code === "NOT_FOUND" && scope.route === undefined) {
        const methods = routeTable().methodsOf(path);
        if (methods.length > 0) return otherMethods(request, methods);
      }
      scope.failure = fault;
      return problemResponse(fault, scope.correlationId);
    })
    .use(routes)
    .use(homeRoutes(ports))
    .use(bulkHandshakeRoutes)
    .use(docsRoutes(() => describeRoutes(routes)));
  return app;
}

/** One module per resource; each is a plugin made from ports, and is listed in the OpenAPI document. */
function apiRoutes(ports: Ports): AnyElysia {
  return new Elysia({ name: "routes" })
    .use(operationsRoutes(ports))
    .use(overviewRoutes(ports))
    .use(alertRoutes(ports))
    .use(authRoutes(ports))
    .use(keyRoutes(ports))
    .use(taskRoutes(ports))
    .use(uploadRoutes(ports))
    .use(dlqRoutes(ports))
    .use(fileRoutes(ports))
    .use(scheduleRoutes(ports))
    .use(queueRoutes(ports))
    .use(breakerRoutes(ports))
    .use(limitRoutes(ports))
    .use(workerRoutes(ports))
    .use(eventRoutes(ports))
    .use(eventQueryRoutes(ports))
    .use(ledgerRoutes(ports))
    .use(bulkRoutes(ports))
    .use(otlpRoutes(ports));
}

/** The path exists with other methods: OPTIONS lists them, every other one is refused with the list. */
function otherMethods(request: Request, methods: readonly string[]): Response {
  const allow = methods.join(", ");
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { Allow: allow } });
  const scope = scopeOf(request);
  const fault = new Fault("METHOD_NOT_ALLOWED", `${request.method} is not allowed here; ${allow} are`);
  scope.failure = fault;
  const response = problemResponse(fault, scope.correlationId);
  response.headers.set("Allow", allow);
  return response;
}
