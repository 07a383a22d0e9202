import { afterEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { type EventStream, eventStream } from "@millrace/api/live/event-stream";
import { Fault } from "@millrace/core";
import { STREAM_WAITING_BYTES_MAX, STREAMS_MAX } from "@millrace/core/limits";
import { until } from "../../../support/bus.ts";

interface Opened {
  readonly response: Response;
  readonly stream: EventStream;
  /** How often the stream told that it has ended. */
  ends(): number;
}

const opened: EventStream[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const stream of opened.splice(0)) stream.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

function open(
  draining = new AbortController().signal,
  first: (stream: EventStream) => void = () => {},
): Opened {
  let ends = 0;
  let stream: EventStream | undefined;
  const response = eventStream({
    draining,
    start: (begun) => {
      stream = begun;
      opened.push(begun);
      first(begun);
      return () => {
        ends += 1;
      };
    },
  });
  if (stream === undefined) throw new Error("it did not begin");
  return { response, stream, ends: () => ends };
}

function reader(response: Response) {
  if (response.body === null) throw new Error("no body");
  return response.body.getReader();
}

/** Serves one event stream after the other on a real socket. */
function serveStreams(draining?: AbortSignal) {
  const streams: Opened[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    fetch: (request, server) => {
      server.timeout(request, 0);
      const one = open(draining);
      streams.push(one);
      return one.response;
    },
  });
  return { server, streams };
}

function request(port: number | undefined): Socket {
  const socket = connect(port ?? 0, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  return socket;
}

async function only(streams: readonly Opened[]): Promise<Opened> {
  await until("the stream is open", () => streams.length === 1);
  return streams[0] as Opened; // There is one.
}

test("events are written as the standard says, and nobody may keep them", async () => {
  const { response, stream } = open();
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect([stream.send("task", { a: "1\n2" }), stream.send("progress", 0.5)]).toEqual([true, true]);
  stream.close();
  expect(await response.text()).toBe('event: task\ndata: {"a":"1\\n2"}\n\nevent: progress\ndata: 0.5\n\n');
});

describe("it ends once, and is told so once", () => {
  test("when its own side closes it", () => {
    const { stream, ends } = open();
    stream.close();
    stream.close();
    expect([ends(), stream.send("late", 1), ends()]).toEqual([1, false, 1]);
  });

  test("when the reader cancels", async () => {
    const { response, stream, ends } = open();
    await reader(response).cancel();
    expect([ends(), stream.send("late", 1)]).toEqual([1, false]);
    stream.close();
    expect(ends()).toBe(1);
  });

  test("when the process drains", async () => {
    const draining = new AbortController();
    const { response, stream, ends } = open(draining.signal);
    stream.send("task", 1);
    draining.abort();
    expect([ends(), stream.send("late", 1)]).toEqual([1, false]);
    expect(await response.text()).toBe("event: task\ndata: 1\n\n");
  });

  test("at once when the process drains already: the first event, and the end", async () => {
    const { response, ends } = open(AbortSignal.abort(), (stream) => stream.send("task", 1));
    expect(ends()).toBe(1);
    expect(await response.text()).toBe("event: task\ndata: 1\n\n");
  });

  test("when it closes while it begins", async () => {
    const { response, ends } = open(undefined, (stream) => {
      stream.send("task", 1);
      stream.close();
    });
    expect(ends()).toBe(1);
    expect(await response.text()).toBe("event: task\ndata: 1\n\n");
  });

  test("when the client's connection breaks", async () => {
    const { server, streams } = serveStreams();
    const socket = request(server.port);
    const { ends } = await only(streams);
    socket.destroy();
    await until("it is told", () => ends() === 1);
    await server.stop(true);
  });
});

describe("a reader that does not read", () => {
  test("is cut off when its bound is reached, and not before", () => {
    const { stream, ends } = open();
    const chunk = "x".repeat(10_000);
    let sent = 0;
    while (stream.send("e", chunk)) sent += chunk.length;
    expect(sent).toBeGreaterThan(STREAM_WAITING_BYTES_MAX - 2 * chunk.length);
    expect(sent).toBeLessThan(STREAM_WAITING_BYTES_MAX + 2 * chunk.length);
    expect(ends()).toBe(1);
  });

  test("may be sent one event that is larger than the bound: a task with a large payload and result", async () => {
    const { response, stream, ends } = open();
    const large = "x".repeat(2 * STREAM_WAITING_BYTES_MAX);
    expect([stream.send("task", large), ends()]).toEqual([true, 0]);
    expect([stream.send("task", large), ends()]).toEqual([false, 1]);
    // What stood there is let go, too: the connection is cut, and the client comes back.
    expect(await response.text().catch(() => "cut")).toBe("cut");
  });

  test("on a real connection costs a bounded memory, and its connection is closed", async () => {
    const { server, streams } = serveStreams();
    const socket = request(server.port);
    socket.pause();
    const { stream, ends } = await only(streams);
    const chunk = "x".repeat(50_000);
    let sent = 0;
    while (sent < 64_000_000 && stream.send("e", chunk)) {
      sent += chunk.length;
      await new Promise(setImmediate);
    }
    // The kernel's buffers on both sides hold a few megabytes.
    expect(sent).toBeLessThan(32_000_000);
    expect(ends()).toBe(1);
    socket.resume();
    await until("the connection is closed", () => socket.closed);
    await server.stop(true);
  });

  test("leaves less room with each event, and none after the end", () => {
    const { stream } = open();
    const before = stream.room;
    stream.send("e", "x".repeat(1_000));
    expect(before - stream.room).toBeWithin(1_000, 1_050);
    stream.close();
    expect(stream.room).toBe(0);
  });

  test("that catches up in time misses nothing", async () => {
    const { response, stream } = open();
    const body = reader(response);
    const chunk = "x".repeat(STREAM_WAITING_BYTES_MAX / 2);
    for (let round = 0; round < 50; round++) {
      expect(stream.send("e", chunk)).toBe(true);
      expect((await body.read()).value?.length).toBeGreaterThan(chunk.length);
    }
  });
});

describe("the number of streams", () => {
  const draining = new AbortController();
  const openAll = () => Array.from({ length: STREAMS_MAX }, () => open(draining.signal));

  function refusal(): unknown {
    try {
      open();
    } catch (error) {
      return error instanceof Fault ? [error.code, error.retryAfterS] : error;
    }
    return "it was let in";
  }

  test("is bounded, and every way to end gives the place back", async () => {
    const all = openAll();
    expect(refusal()).toEqual(["OVERLOADED", 5]);
    for (const [index, { response, stream }] of all.entries()) {
      if (index % 4 === 0) stream.close();
      if (index % 4 === 1) await reader(response).cancel();
      if (index % 4 === 2) while (stream.send("e", "x".repeat(STREAM_WAITING_BYTES_MAX)));
    }
    draining.abort();
    expect(all.map(({ ends }) => ends())).toEqual(all.map(() => 1));
    const again = Array.from({ length: STREAMS_MAX }, () => open());
    expect(refusal()).toEqual(["OVERLOADED", 5]);
    for (const { stream } of again) stream.close();
  });

  test("does not grow when a stream fails to begin", () => {
    const failing = () =>
      eventStream({
        draining: new AbortController().signal,
        start: () => {
          throw new Error("no way to follow");
        },
      });
    for (let round = 0; round < STREAMS_MAX + 1; round++) expect(failing).toThrow("no way to follow");
    expect(open().stream.send("e", 1)).toBe(true);
  });
});
