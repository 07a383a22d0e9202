import { expect, test } from "bun:test";
import { type BlockOptions, blocksOf } from "@millrace/blobs/blocks";
import * as fc from "fast-check";

async function* giving(chunks: readonly Uint8Array[], error?: Error): AsyncGenerator<Uint8Array> {
  yield* chunks;
  if (error !== undefined) throw error;
}

/** Copies, since all blocks are the same memory. */
async function collect(source: AsyncIterable<Uint8Array>, options: Partial<BlockOptions>) {
  const blocks: Uint8Array[] = [];
  try {
    for await (const block of blocksOf(source, { blockBytes: 7, bytesMax: 1e6, ...options }))
      blocks.push(block.slice());
    return { blocks };
  } catch (error) {
    return { blocks, error };
  }
}

const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 12 });

test("blocks are the source cut into equal pieces, the head before it, and no piece is empty", async () => {
  await fc.assert(
    fc.asyncProperty(chunks, fc.uint8Array({ maxLength: 6 }), async (given, head) => {
      const { blocks, error } = await collect(giving(given), { head });
      expect(error).toBeUndefined();
      expect(Buffer.concat(blocks)).toEqual(Buffer.concat([head, ...given]));
      expect(blocks.slice(0, -1).every(({ byteLength }) => byteLength === 7)).toBe(true);
      expect(blocks.every(({ byteLength }) => byteLength > 0)).toBe(true);
    }),
  );
});

test("of a source that fails, the rest is given only when it is wanted, and the error comes after it", async () => {
  await fc.assert(
    fc.asyncProperty(chunks, fc.boolean(), async (given, keepsRest) => {
      const cut = new Error("cut");
      const { blocks, error } = await collect(giving(given, cut), { keepsRest });
      expect(error).toBe(cut);
      const whole = Buffer.concat(given);
      const kept = keepsRest ? whole.byteLength : whole.byteLength - (whole.byteLength % 7);
      expect(Buffer.concat(blocks)).toEqual(whole.subarray(0, kept));
    }),
  );
});

test("nothing is asked of the source while a block is worked on", async () => {
  let asked = 0;
  async function* counting() {
    for (;;) {
      asked += 1;
      yield new Uint8Array(7);
    }
  }
  const blocks = blocksOf(counting(), { blockBytes: 7, bytesMax: 1e6 });
  await blocks.next();
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBe(1);
  await blocks.return(undefined);
});

test("whoever stops early closes the source", async () => {
  const closed = Promise.withResolvers<void>();
  async function* closing() {
    try {
      for (;;) yield new Uint8Array(7);
    } finally {
      closed.resolve();
    }
  }
  for await (const _ of blocksOf(closing(), { blockBytes: 7, bytesMax: 1e6 })) break;
  await closed.promise;
});

test("a signal that had fired before ends it at once", async () => {
  const reason = new Error("gone");
  const { blocks, error } = await collect(giving([new Uint8Array(50)]), {
    signal: AbortSignal.abort(reason),
  });
  expect({ blocks, error }).toEqual({ blocks: [], error: reason });
});

test("the bytes that make it too many are not given, and the head does not count", async () => {
  const { blocks, error } = await collect(giving([new Uint8Array(5), new Uint8Array(6)]), {
    ...{ bytesMax: 10, head: new Uint8Array(6), keepsRest: true },
  });
  expect(error).toMatchObject({ code: "BODY_TOO_LARGE", members: { limit: 10 } });
  expect(Buffer.concat(blocks).byteLength).toBe(11);
});

test("a source of something else than bytes is refused", async () => {
  async function* texts() {
    yield "text";
  }
  const { error } = await collect(texts() as unknown as AsyncIterable<Uint8Array>, {});
  expect(error).toBeInstanceOf(TypeError);
});
