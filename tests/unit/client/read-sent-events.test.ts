import { describe, expect, test } from "bun:test";
import { readSentEvents } from "@millrace/client/read-sent-events";

const encoder = new TextEncoder();
const BOUNDS = { charsMax: 1_000, silenceMsMax: 30_000 };

interface Source {
  readonly body: ReadableStream<Uint8Array>;
  readonly isCancelled: () => boolean;
}

/** Gives these pieces, and then ends or goes on in silence. */
function source(pieces: readonly string[], end: "ends" | "stays"): Source {
  let isCancelled = false;
  const left = pieces.map((piece) => encoder.encode(piece));
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const piece = left.shift();
      if (piece !== undefined) controller.enqueue(piece);
      else if (end === "ends") controller.close();
      else return new Promise(() => {});
      return undefined;
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  return { body, isCancelled: () => isCancelled };
}

async function all(body: ReadableStream<Uint8Array>, bounds = BOUNDS): Promise<(string | undefined)[][]> {
  const found: (string | undefined)[][] = [];
  for await (const { event, data } of readSentEvents(body, bounds)) found.push([event, data]);
  return found;
}

const TEXT =
  'event: open\r\ndata: {}\r\n\r\n: still here\n\nevent: event\ndata: {"m":"ä😀"}\n\ndata: 1\ndata: 2\n\n';
const EVENTS = [
  ["open", "{}"],
  ["event", '{"m":"ä😀"}'],
  [undefined, "1\n2"],
];

describe("server-sent events", () => {
  test("come out the same however the bytes are cut", async () => {
    const bytes = encoder.encode(TEXT);
    for (let size = 1; size <= 17; size += 1) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (const piece of pieces) controller.enqueue(piece);
          controller.close();
        },
      });
      expect(await all(body)).toEqual(EVENTS);
    }
  });

  test("that are cut off in the middle are none", async () => {
    expect(await all(source(["data: 1\n\nda", "ta: 2\n"], "ends").body)).toEqual([[undefined, "1"]]);
  });

  test("that are too long end the stream", async () => {
    const { body, isCancelled } = source(["data: 1\n\n", `data: ${"x".repeat(2_000)}`], "stays");
    const found: string[] = [];
    const read = async () => {
      for await (const { data } of readSentEvents(body, BOUNDS)) found.push(data);
    };
    await expect(read()).rejects.toThrow("buffer");
    expect(found).toEqual(["1"]);
    expect(isCancelled()).toBe(true);
  });

  test("a silent connection is an error, and is ended", async () => {
    const { body, isCancelled } = source(["data: 1\n\n"], "stays");
    await expect(all(body, { ...BOUNDS, silenceMsMax: 20 })).rejects.toThrow("nothing came for 20 ms");
    expect(isCancelled()).toBe(true);
  });

  test("leaving the loop ends the connection", async () => {
    const { body, isCancelled } = source(["data: 1\n\ndata: 2\n\n"], "stays");
    for await (const { data } of readSentEvents(body, BOUNDS)) {
      expect(data).toBe("1");
      break;
    }
    expect(isCancelled()).toBe(true);
  });

  test("are read no faster than they are taken", async () => {
    let given = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        given += 1;
        controller.enqueue(encoder.encode(`data: ${given}\n\n`));
      },
    });
    const events = readSentEvents(body, BOUNDS);
    for (let taken = 1; taken <= 5; taken += 1) {
      expect((await events.next()).value?.data).toBe(String(taken));
      expect(given).toBeLessThanOrEqual(taken + 2);
    }
    await events.return();
  });
});
