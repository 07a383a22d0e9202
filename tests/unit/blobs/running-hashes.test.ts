import { expect, test } from "bun:test";
import { RunningHashes } from "@millrace/blobs/running-hashes";
import { RUNNING_HASHES_MAX } from "@millrace/core/limits";
import { CryptoHasher } from "bun";

function hashAt(hashes: RunningHashes<CryptoHasher>, identity: string, text: string): void {
  const hasher = hashes.take(identity, 0);
  hasher?.update(text);
  hashes.keep(identity, text.length, hasher);
}

test("goes on from where it was", () => {
  const hashes = new RunningHashes(() => new CryptoHasher("sha256"));
  hashAt(hashes, "a", "one");
  const hasher = hashes.take("a", 3);
  hasher?.update("two");
  expect(hasher?.digest("hex")).toBe(Bun.CryptoHasher.hash("sha256", "onetwo", "hex"));
});

test.each([
  ["a", 2],
  ["a", 4],
  ["b", 3],
])("knows nothing of %s at %d", (identity, offset) => {
  const hashes = new RunningHashes(() => new CryptoHasher("sha256"));
  hashAt(hashes, "a", "one");
  expect(hashes.take(identity, offset)).toBeUndefined();
});

test("one that was taken, and not given back, is no longer known", () => {
  const hashes = new RunningHashes(() => new CryptoHasher("sha256"));
  hashAt(hashes, "a", "one");
  hashes.take("a", 3);
  expect(hashes.take("a", 3)).toBeUndefined();
});

test("remembers so many and no more, and forgets the oldest", () => {
  const hashes = new RunningHashes(() => new CryptoHasher("sha256"));
  for (let index = 0; index <= RUNNING_HASHES_MAX; index += 1) hashAt(hashes, `u${index}`, "one");
  expect(hashes.take("u0", 3)).toBeUndefined();
  expect(hashes.take("u1", 3)).toBeDefined();
  expect(hashes.take(`u${RUNNING_HASHES_MAX}`, 3)).toBeDefined();
});
