import { CsvReader } from "../csv/csv-reader.ts";
import { decodeText, encodingOf, type KnownEncoding } from "../csv/decode-text.ts";
import { detectDelimiter } from "../csv/detect-delimiter.ts";
import { TableProfile } from "../csv/table-profile.ts";
import { defineOperation, jsonRun, type OperationInput, type Piece } from "../operation.ts";

export default defineOperation("csv-profile", async (input, options) => {
  const table = new TableProfile(options.header);
  const pieces = input.pieces()[Symbol.asyncIterator]();
  const first = await pieces.next();
  const head: Piece = first.done ? new Uint8Array(0) : first.value;
  const encoding: KnownEncoding = options.encoding === "auto" ? encodingOf(head) : options.encoding;
  let delimiter: string | undefined = options.delimiter === "auto" ? undefined : options.delimiter;
  let reader: CsvReader | undefined;
  for await (const text of decodeText(putBack(head, pieces), encoding)) {
    delimiter ??= await detectDelimiter(text, isWhole(input, head));
    reader ??= new CsvReader({
      delimiter,
      isRagged: options.ragged,
      onRecord: (fields, line) => table.add(fields, line),
    });
    await reader.write(text);
  }
  await reader?.end();
  const about = { encoding, delimiter: delimiter ?? ",", header: options.header };
  return jsonRun({ ...about, ...table.describe(false) }, { ...about, ...table.describe(true) });
});

function isWhole(input: OperationInput, head: Piece): boolean {
  return head.length === input.bytes;
}

async function* putBack(head: Piece, rest: AsyncIterator<Piece>): AsyncGenerator<Piece> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
