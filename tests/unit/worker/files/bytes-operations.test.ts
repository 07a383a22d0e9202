import { describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { diceOf } from "../../../support/dice.ts";
import { runOperation } from "../../../support/file-operation.ts";

const encoder = new TextEncoder();

describe("checksum", () => {
  const OF_ABC = {
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    sha512:
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    crc32: "352441c2",
  };

  test.each([[[1]], [[2]], [[100]]])(
    "of abc is that of the standards, in pieces of %p",
    async (pieceBytes) => {
      const { summary } = await runOperation("checksum", { content: "abc", pieceBytes });
      expect(summary).toEqual({ bytes: 3, ...OF_ABC });
    },
  );

  test("of nothing exists too, and a crc32 keeps its leading zeros", async () => {
    const options = { algorithms: ["crc32"] };
    expect((await runOperation("checksum", { content: "", options })).summary).toEqual({
      bytes: 0,
      crc32: "00000000",
    });
  });

  test("only what is asked for is computed", async () => {
    const options = { algorithms: ["sha256"] };
    expect((await runOperation("checksum", { content: "abc", options })).summary).toEqual({
      bytes: 3,
      sha256: OF_ABC.sha256,
    });
  });
});

describe("gzip", () => {
  test("what comes out is what went in, whatever the pieces", async () => {
    const dice = diceOf(9);
    const content = Uint8Array.from({ length: 300_000 }, () => dice.between(0, 60));
    for (const pieceBytes of [[300_000], [65_536], [1_000, 1, 77]]) {
      const end = await runOperation("gzip", { content, pieceBytes });
      expect(end).toMatchObject({ contentType: "application/gzip", extension: "gz" });
      expect(end.summary).toEqual({ bytes_in: content.length, bytes_out: end.bytes.length });
      expect(Buffer.compare(gunzipSync(end.bytes), content)).toBe(0);
    }
  });

  test("nothing makes a valid file too", async () => {
    const { bytes } = await runOperation("gzip", { content: "" });
    expect(gunzipSync(bytes)).toHaveLength(0);
  });

  test("the header tells neither time nor system", async () => {
    const { bytes } = await runOperation("gzip", { content: "abc" });
    expect([...bytes.subarray(0, 4)]).toEqual([0x1f, 0x8b, 8, 0]);
    expect([...bytes.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
    expect(bytes[9]).toBe(255);
  });

  test("a higher level makes a smaller file", async () => {
    const content = encoder.encode("the quick brown fox jumps over the lazy dog and away ".repeat(2_000));
    const [fast, small] = await Promise.all(
      [1, 9].map((level) => runOperation("gzip", { content, options: { level } })),
    );
    expect(small?.bytes.length).toBeLessThan(fast?.bytes.length ?? 0);
  });
});

test.each([
  ["gzip", { level: 10 }, "/options/level must be a whole number from 1 to 9"],
  ["checksum", { algorithms: ["md5"] }, "/options/algorithms must be a list"],
  ["uppercase", { locale: "tr" }, "/options/locale is not an option of this operation (it has none)"],
] as const)("options that %s does not have stop it: %p", async (operation, options, message) => {
  const running = runOperation(operation, { content: "abc", options });
  await expect(running).rejects.toMatchObject({ code: "PAYLOAD_INVALID", isRetryable: false });
  await expect(running).rejects.toThrow(message);
});
