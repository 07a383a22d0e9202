import { createHash } from "node:crypto";
import type { Json } from "@millrace/core";
import type { FileOptions } from "@millrace/protocol/file-operations/index";
import { defineOperation, jsonRun, type Piece } from "../operation.ts";

type Algorithm = FileOptions<"checksum">["algorithms"][number];

interface Checksum {
  update(piece: Piece): void;
  /** In hexadecimal. */
  end(): string;
}

export default defineOperation("checksum", async (input, { algorithms }) => {
  const sums = algorithms.map((algorithm) => [algorithm, startChecksum(algorithm)] as const);
  for await (const piece of input.pieces()) for (const [, sum] of sums) sum.update(piece);
  const results: Record<string, Json> = Object.fromEntries(sums.map(([name, sum]) => [name, sum.end()]));
  return jsonRun({ bytes: input.bytes, ...results });
});

function startChecksum(algorithm: Algorithm): Checksum {
  if (algorithm !== "crc32") {
    const hash = createHash(algorithm);
    return { update: (piece) => void hash.update(piece), end: () => hash.digest("hex") };
  }
  let crc = 0;
  return {
    update: (piece) => {
      crc = Bun.hash.crc32(piece, crc);
    },
    end: () => crc.toString(16).padStart(8, "0"),
  };
}
