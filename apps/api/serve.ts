import { DRAIN_MS_MAX } from "@millrace/core/limits";
import type { AnyElysia } from "elysia";

/**
 * Every route bounds what it reads and says so in a problem; the server's own bound would close the connection without
 * a word. What nobody reads is not taken into memory: with this bound and a handler that waits, a client that pumped
 * 1 GB got rid of 8 MB, and the process stayed at 37 MB.
 */
const SERVER_BODY_BYTES_MAX = 2 ** 40;
/** A connection without traffic is closed after this; streams send a comment line more often. */
const IDLE_TIMEOUT_S = 30;

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Accepts nothing new, waits for what has begun for DRAIN_MS_MAX at most, then cuts the rest. */
  stop(): Promise<{ readonly isClean: boolean }>;
}

/** Throws when the port is taken: two processes on one port would each get a part of the requests. */
export function serve(app: AnyElysia, where: { readonly host: string; readonly port: number }): Listening {
  app.listen({
    hostname: where.host,
    port: where.port,
    reusePort: false,
    development: false,
    idleTimeout: IDLE_TIMEOUT_S,
    maxRequestBodySize: SERVER_BODY_BYTES_MAX,
  });
  const { server } = app;
  if (server === null) throw new Error("the server did not start");
  const port = server.port ?? where.port;
  return {
    url: server.url.origin,
    port,
    stop: async () => {
      const { promise: late, resolve } = Promise.withResolvers<{ isClean: boolean }>();
      const timer = setTimeout(() => resolve({ isClean: false }), DRAIN_MS_MAX);
      const clean = Promise.resolve(server.stop(false)).then(() => ({ isClean: true }));
      const outcome = await Promise.race([clean, late]);
      clearTimeout(timer);
      if (!outcome.isClean) await server.stop(true);
      return outcome;
    },
  };
}
