import { CORRELATION_HEADER, correlationIdFrom } from "./correlation.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly health: Health;
  /** Undefined: `/metrics` does not exist. */
  readonly metrics?: Metrics | undefined;
}

export interface HealthServer {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** `/health/live`, `/health/ready` and `/metrics` for a service that has no HTTP API of its own. Throws when the port is taken. */
export function startHealthServer(options: HealthServerOptions): HealthServer {
  const server = Bun.serve({
    hostname: options.host,
    port: options.port,
    fetch: async (request) => {
      const response = await answer(request, options);
      const id = correlationIdFrom(request.headers.get(CORRELATION_HEADER), () => Bun.randomUUIDv7());
      response.headers.set(CORRELATION_HEADER, id);
      response.headers.set("Cache-Control", "no-store");
      return response;
    },
  });
  const port = server.port ?? options.port;
  return { url: server.url.origin, port, stop: () => server.stop(true) };
}

async function answer(request: Request, { health, metrics }: HealthServerOptions): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.method !== "GET" && request.method !== "HEAD")
    return problem(405, "The method is not allowed here");
  if (pathname === "/health/live") return Response.json(health.live());
  if (pathname === "/health/ready") {
    const readiness = await health.ready();
    return Response.json(readiness, { status: readiness.status === "ready" ? 200 : 503 });
  }
  if (pathname === "/metrics" && metrics !== undefined)
    return new Response(await metrics.render(), { headers: { "Content-Type": metrics.contentType } });
  return problem(404, "There is no such thing");
}

function problem(status: 404 | 405, title: string): Response {
  const code = status === 404 ? "NOT_FOUND" : "METHOD_NOT_ALLOWED";
  const body = JSON.stringify({ type: "about:blank", title, status, code });
  const allow = status === 405 ? { Allow: "GET, HEAD" } : {};
  return new Response(body, { status, headers: { "Content-Type": "application/problem+json", ...allow } });
}
