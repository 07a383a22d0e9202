import type { Json } from "@millrace/core";
import type { FileOperationName } from "@millrace/protocol/file-operations/index";
import type { Operation, OperationInput, Piece } from "@millrace/worker/files/operation";
import { scratch } from "./scratch.ts";

export interface OperationEnd {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly extension: string | null;
  readonly summary: Json;
}

export interface OperationCase {
  readonly content: string | Uint8Array;
  readonly options?: Json;
  /** The lengths of the pieces in which the operation gets the content, over and over; all at once by default. */
  readonly pieceBytes?: readonly number[];
}

/** Runs one operation in this thread, with full say in where its input is cut. */
export async function runOperation(name: FileOperationName, given: OperationCase): Promise<OperationEnd> {
  const module: { default: Operation } = await import(`@millrace/worker/files/operations/${name}`);
  const content = typeof given.content === "string" ? new TextEncoder().encode(given.content) : given.content;
  const { output, summary } = await module.default.run(
    await inputOf(content, given.pieceBytes ?? [Math.max(1, content.length)]),
    given.options ?? {},
  );
  const pieces: Uint8Array[] = [];
  if (output.body instanceof Uint8Array) pieces.push(output.body);
  else for await (const piece of output.body) pieces.push(piece);
  const { contentType, extension } = output;
  return { bytes: new Uint8Array(Buffer.concat(pieces)), contentType, extension, summary: summary() };
}

export async function textOf(name: FileOperationName, given: OperationCase): Promise<string> {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode((await runOperation(name, given)).bytes);
}

async function inputOf(content: Uint8Array, pieceBytes: readonly number[]): Promise<OperationInput> {
  const path = `${(await scratch()).folder("operation")}/input`;
  await Bun.write(path, content);
  async function* pieces(): AsyncGenerator<Piece> {
    let offset = 0;
    for (let n = 0; offset < content.length; n += 1) {
      const length = pieceBytes[n % pieceBytes.length] ?? 1;
      yield new Uint8Array(content.slice(offset, offset + length)); // The reader may change it.
      offset += length;
    }
  }
  return { bytes: content.length, path, timeoutMs: 60_000, pieces, native: (work) => work() };
}
