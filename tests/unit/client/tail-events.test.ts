import { describe, expect, test } from "bun:test";
import type { StoredEvent, TailDropped } from "@millrace/client";
import { TRIES_MAX } from "@millrace/client/bounds";
import {
  type Answer,
  broken,
  json,
  problem,
  type Scripted,
  type ScriptedApi,
  scripted,
} from "./scripted-api.ts";

const OPEN = "event: open\ndata: {}\n\n";
const event = (id: string) => `event: event\ndata: ${JSON.stringify({ id, type: "t", message: id })}\n\n`;

function stream(...parts: readonly string[]): Answer {
  return {
    status: 200,
    text: parts.join(""),
    headers: { "content-type": "text/event-stream; charset=utf-8" },
  };
}

interface Watched extends ScriptedApi {
  readonly ids: readonly string[];
  readonly told: readonly string[];
  readonly failure: unknown;
}

/** Follows a tail until it ends, or has shown the last event that is waited for. */
async function watch(answers: readonly Scripted[], lastId = ""): Promise<Watched> {
  const api = scripted(answers);
  const ids: string[] = [];
  const told: string[] = [];
  const end = new AbortController();
  const tail = api.client.events.tail(
    { type: "t", q: "a" },
    {
      signal: end.signal,
      onOpen: () => void told.push("open"),
      onDropped: ({ events, messages }: TailDropped) => void told.push(`dropped ${events} ${messages}`),
      onLost: ({ waitMs }) => void told.push(`lost ${waitMs}`),
    },
  );
  const follow = async () => {
    for await (const { id } of tail as AsyncIterable<StoredEvent>) {
      ids.push(id);
      if (id === lastId) end.abort();
    }
  };
  const failure = await follow().then(
    () => undefined,
    (error: unknown) => error,
  );
  return { ...api, ids, told, failure };
}

describe("a tail", () => {
  test("yields what comes, and asks with its filter", async () => {
    const { ids, calls, failure } = await watch([stream(OPEN, event("e1"), event("e2"))], "e2");
    expect(ids).toEqual(["e1", "e2"]);
    expect(failure).toBeUndefined();
    expect(calls[0]?.path).toBe("/api/events/tail?type=t&q=a");
    expect(calls[0]?.headers.get("accept")).toBe("text/event-stream");
    expect(calls[0]?.headers.get("authorization")).toBe("Bearer key-of-a-test");
  });

  test("tells what was left out", async () => {
    const dropped = 'event: dropped\ndata: {"events":7,"messages":2}\n\n';
    const { told } = await watch([stream(OPEN, dropped, event("e1"))], "e1");
    expect(told).toEqual(["open", "dropped 7 2"]);
  });

  test("comes back when it was cut off, after pauses that begin anew with each connection", async () => {
    const answers = [
      stream(OPEN, event("e1")),
      broken("ECONNREFUSED"),
      problem(503, "OVERLOADED", { "retry-after": "2" }),
      stream(OPEN, event("e2")),
      stream(OPEN, event("e3")),
    ];
    const { ids, told, failure } = await watch(answers, "e3");
    expect(ids).toEqual(["e1", "e2", "e3"]);
    expect(told).toEqual(["open", "lost 100", "lost 200", "lost 2000", "open", "lost 100", "open"]);
    expect(failure).toBeUndefined();
  });

  test("that never stood ends after bounded tries, without a word of loss", async () => {
    const { calls, failure, told } = await watch([broken("ECONNREFUSED")]);
    expect(failure).toMatchObject({ name: "UnreachableError" });
    expect(calls).toHaveLength(TRIES_MAX);
    expect(told).toEqual([]);
  });

  test("ends when the API stays away for ten minutes", async () => {
    const { failure, waits } = await watch([stream(OPEN), broken("ECONNREFUSED")]);
    expect(failure).toMatchObject({ name: "UnreachableError" });
    const awayMs = waits.reduce((sum, waitMs) => sum + waitMs, 0);
    expect(awayMs).toBeGreaterThanOrEqual(600_000);
    expect(awayMs).toBeLessThan(610_000);
  });

  test("that is refused ends at once", async () => {
    for (const [status, code] of [
      [401, "UNAUTHENTICATED"],
      [403, "FORBIDDEN"],
      [422, "VALIDATION_FAILED"],
    ] as const) {
      const { calls, failure } = await watch([stream(OPEN), problem(status, code)]);
      expect(failure).toMatchObject({ status, code });
      expect(calls).toHaveLength(2);
    }
  });

  test("that is answered with something else is no tail", async () => {
    for (const answer of [json(200, {}), stream(OPEN, "event: event\ndata: 7\n\n")])
      expect((await watch([answer])).failure).toMatchObject({ code: "UNEXPECTED_RESPONSE" });
  });

  test("whose signal has aborted already asks nobody", async () => {
    const { client, calls } = scripted([stream(OPEN)]);
    for await (const { id } of client.events.tail({}, { signal: AbortSignal.abort() }))
      throw new Error(`there was an event: ${id}`);
    expect(calls).toHaveLength(0);
  });
});
