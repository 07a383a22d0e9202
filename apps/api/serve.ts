import { Fault } from "@millrace/core";
import { DRAIN_MS_MAX } from "@millrace/core/limits";
import type { AnyElysia } from "elysia";
import { problemResponse } from "./http/problem.ts";

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

/**
 * What goes wrong after the last hook: the server opens the file of a download by itself, and it may have been deleted
 * since somebody looked. Bun's own answer would be a 500 in plain text.
 */
function answerBehindTheDoor(error: Error): Response {
  const isGone = "code" in error && error.code === "ENOENT";
  const fault = isGone
    ? new Fault("NOT_FOUND", "the bytes of this file are gone")
    : new Fault("INTERNAL", "the answer could not be sent", { cause: error });
  return problemResponse(fault, Bun.randomUUIDv7());
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
    error: answerBehindTheDoor,
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
