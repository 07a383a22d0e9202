import { expect, test } from "bun:test";
import { decodeState, encodeState, newState, offsetOf } from "@millrace/blobs/s3/upload-state";
import { BLOB_PART_BYTES } from "@millrace/core/limits";

test("comes back as it was, whatever bytes the tail has", () => {
  const parts = [{ number: 7, etag: '"abc"' }];
  for (const tail of [[], [10], [10, 10, 0, 255], [123, 125]]) {
    const state = { ...newState(), uploadId: "id", parts, tail: Uint8Array.from(tail) };
    expect(decodeState(encodeState(state))).toEqual(state);
    expect(offsetOf(state)).toBe(BLOB_PART_BYTES + tail.length);
  }
});

test("two uploads are never taken for one", () => {
  expect(newState().mark).not.toBe(newState().mark);
});

test.each([
  "",
  "\n",
  "{}",
  "{}\n",
  "null\n",
  '{"version":2,"mark":"m","revision":"r","parts":[]}\n',
  '{"version":1,"mark":"m","revision":"r","parts":[{"number":"1","etag":"e"}]}\n',
  '{"version":1,"mark":"m","revision":"r","parts":[],"uploadId":7}\n',
])("%j is refused", (text) => {
  expect(() => decodeState(Buffer.from(text))).toThrow();
});
