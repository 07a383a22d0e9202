import { expect, test } from "bun:test";
import { ChunkCollector } from "@millrace/api/files/chunk-collector";
import { CHUNKS_COLLECTED_MS_MIN, CHUNKS_UNCOLLECTED_BYTES_MAX } from "@millrace/core/limits";

test("memory is collected once so many bytes went through, and not again before its time", () => {
  let nowMs = 0;
  let collections = 0;
  const collector = new ChunkCollector(
    () => {
      collections += 1;
    },
    () => nowMs,
  );
  collector.received(CHUNKS_UNCOLLECTED_BYTES_MAX - 1);
  expect(collections).toBe(0);
  collector.received(1);
  expect(collections).toBe(1);
  collector.received(CHUNKS_UNCOLLECTED_BYTES_MAX);
  expect(collections).toBe(1);
  nowMs += CHUNKS_COLLECTED_MS_MIN;
  collector.received(1);
  expect(collections).toBe(2);
  nowMs += CHUNKS_COLLECTED_MS_MIN;
  collector.received(1);
  expect(collections).toBe(2);
});
