import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { lent } from "@millrace/api/files/lent";
import { CHECKSUM_ALGORITHMS, readChecksum, verified } from "@millrace/api/uploads/checksum";
import { Fault } from "@millrace/core";

const digestOf = (algorithm: string, text: string) => createHash(algorithm).update(text).digest("base64");

function pieces(...texts: string[]) {
  const bytes = async function* () {
    for (const text of texts) yield new TextEncoder().encode(text);
  };
  return lent(bytes(), () => {});
}

async function read(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of source) text += new TextDecoder().decode(chunk);
  return text;
}

test("each algorithm takes what has its digest, whatever the pieces", async () => {
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const checksum = readChecksum(`${algorithm} ${digestOf(algorithm, "hello")}`);
    if (checksum === undefined) throw new Error("a header was not read");
    expect(await read(verified(pieces("hel", "", "lo"), checksum))).toBe("hello");
  }
});

test("bytes that are others, fewer or more end in an error instead of their end", async () => {
  const checksum = readChecksum(`sha1 ${digestOf("sha1", "hello")}`);
  if (checksum === undefined) throw new Error("a header was not read");
  for (const texts of [["hellO"], ["hell"], ["hello", "!"], []]) {
    const error = await read(verified(pieces(...texts), checksum)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CHECKSUM_MISMATCH" });
  }
});

test("no header is no checksum", () => {
  expect(readChecksum(null)).toBeUndefined();
});

test("headers that promise nothing that can be checked are refused", () => {
  const sha1 = digestOf("sha1", "hello");
  for (const header of [
    "",
    "sha1",
    "sha1 ",
    `SHA1 ${sha1}`,
    `crc32 ${sha1}`,
    `sha256 ${sha1}`,
    `sha1 ${sha1} x`,
    "sha1 %%%%",
    sha1,
    `sha1  ${sha1}`,
  ])
    expect(() => readChecksum(header)).toThrow(Fault);
});
