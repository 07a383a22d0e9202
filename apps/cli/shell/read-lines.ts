import { REQUEST_BYTES_MAX } from "@millrace/client/bounds";
import { UsageError } from "./read-arguments.ts";

export interface ReadLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Text, line by line, as it comes. @throws UsageError for a line that no request could hold */
export async function* readLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ReadLine, void, void> {
  const decoder = new TextDecoder();
  let number = 0;
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const text of parts) yield { number: ++number, text };
    if (rest.length > REQUEST_BYTES_MAX)
      throw new UsageError(`line ${number + 1} has more than ${REQUEST_BYTES_MAX} characters`);
  }
  rest += decoder.decode();
  if (rest !== "") yield { number: number + 1, text: rest };
}
