import { expect, test } from "bun:test";
import { type Clock, Reception } from "@millrace/api/uploads/reception";
import { UPLOAD_MS_MAX, UPLOAD_SILENCE_MS_MAX, UPLOAD_STALL_MS_MAX } from "@millrace/core/limits";

/** Stands still until it is moved; whoever watches is called once for each move. */
class FakeClock implements Clock {
  #nowMs = 1_000;
  readonly watchers = new Set<() => void>();

  nowMs(): number {
    return this.#nowMs;
  }

  every(_periodMs: number, call: () => void): () => void {
    this.watchers.add(call);
    return () => void this.watchers.delete(call);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const call of this.watchers) call();
  }
}

/** A sender that sends when it is told to. */
function sender() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  return {
    body,
    send: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    fail: (error: Error) => controller?.error(error),
    isCancelled: () => isCancelled,
  };
}

function start() {
  const clock = new FakeClock();
  const from = sender();
  const draining = new AbortController();
  const chunks: number[] = [];
  const reception = new Reception({
    body: from.body,
    draining: draining.signal,
    onChunk: (bytes) => chunks.push(bytes),
    clock,
  });
  return { clock, from, draining, chunks, reception, bytes: reception.bytes() };
}

const text = (result: IteratorResult<Uint8Array>) =>
  result.done === true ? "(end)" : new TextDecoder().decode(result.value);

test("bytes come through as they are sent, are counted, and end with their sender", async () => {
  const { from, bytes, chunks, reception, clock } = start();
  from.send("hello");
  expect(text(await bytes.next())).toBe("hello");
  from.send("you");
  from.end();
  expect(text(await bytes.next())).toBe("you");
  expect(text(await bytes.next())).toBe("(end)");
  expect(chunks).toEqual([5, 3]);
  expect(reception.isCutShort).toBe(false);
  expect(clock.watchers.size).toBe(0);
});

test("a sender that is silent for too long is cut off, as if it had ended", async () => {
  const { from, bytes, clock, reception } = start();
  const next = bytes.next();
  clock.advance(UPLOAD_SILENCE_MS_MAX);
  expect(reception.isCutShort).toBe(false);
  clock.advance(1);
  expect(text(await next)).toBe("(end)");
  expect(reception.isCutShort).toBe(true);
  expect(from.isCancelled()).toBe(true);
});

test("a sender that stalls gives way at once when somebody waits, one that sends does not", async () => {
  const { from, bytes, clock, reception } = start();
  reception.giveWay();
  for (let round = 0; round < 5; round += 1) {
    const next = bytes.next();
    clock.advance(UPLOAD_STALL_MS_MAX);
    from.send("x");
    expect(text(await next)).toBe("x");
  }
  const last = bytes.next();
  clock.advance(UPLOAD_STALL_MS_MAX + 1);
  expect(text(await last)).toBe("(end)");
});

test("time that the storage takes does not count as silence", async () => {
  const { from, bytes, clock, reception } = start();
  from.send("a");
  expect(text(await bytes.next())).toBe("a");
  clock.advance(10 * UPLOAD_SILENCE_MS_MAX);
  from.send("b");
  expect(text(await bytes.next())).toBe("b");
  expect(reception.isCutShort).toBe(false);
});

test("a sender that dribbles for ever is cut off, too", async () => {
  const { from, bytes, clock } = start();
  const stepMs = UPLOAD_SILENCE_MS_MAX / 2;
  for (let passedMs = 0; passedMs + stepMs <= UPLOAD_MS_MAX; passedMs += stepMs) {
    const next = bytes.next();
    clock.advance(stepMs);
    from.send("x");
    expect(text(await next)).toBe("x");
  }
  const last = bytes.next();
  clock.advance(stepMs);
  expect(text(await last)).toBe("(end)");
});

test("when the process is told to stop, bytes end, before they have begun as well", async () => {
  const one = start();
  const next = one.bytes.next();
  one.draining.abort();
  expect(text(await next)).toBe("(end)");
  const other = start();
  other.draining.abort();
  expect(text(await other.bytes.next())).toBe("(end)");
  expect(other.reception.isCutShort).toBe(true);
});

test("a connection that breaks is an error, not an end", async () => {
  const { from, bytes, clock } = start();
  const next = bytes.next();
  from.fail(new Error("the connection was closed"));
  expect(next).rejects.toThrow("the connection was closed");
  await next.catch(() => {});
  expect(clock.watchers.size).toBe(0);
});

test("who stops taking bytes lets the sender know", async () => {
  const { from, bytes, clock } = start();
  from.send("hello");
  await bytes.next();
  await bytes.return(undefined);
  expect(from.isCancelled()).toBe(true);
  expect(clock.watchers.size).toBe(0);
});

test("a request without body has no bytes", async () => {
  const reception = new Reception({ body: null, draining: new AbortController().signal, onChunk: () => {} });
  expect(text(await reception.bytes().next())).toBe("(end)");
});
