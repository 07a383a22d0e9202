import { type Client, type EventRejection, PartlySentError } from "@millrace/client";
import type { CommandInput } from "../command.ts";
import { EXIT } from "../shell/exit-status.ts";
import { oneLine } from "../shell/printable.ts";
import { numberOption, readArguments, UsageError } from "../shell/read-arguments.ts";
import { readLines } from "../shell/read-lines.ts";
import type { Action } from "./action.ts";

export const SEND_OPTIONS = {
  type: { type: "string" },
  message: { type: "string" },
  source: { type: "string" },
  level: { type: "string" },
  key: { type: "string" },
  wait: { type: "boolean", default: false },
  "wait-seconds": { type: "string" },
  json: { type: "boolean", default: false },
} as const;
const WAIT_S_DEFAULT = 60;
/** Lines that are sent, and held, at a time. */
const CHUNK_LINES = 10_000;
const CHUNK_CHARS = 4 * 1024 * 1024;
const REJECTED_SHOWN_MAX = 20;
const RECEIPT_CHARS_SHOWN_MAX = 120;

type Values = ReturnType<typeof readArguments<typeof SEND_OPTIONS>>["values"];

export const send: Action = async (events, input) => {
  const { values, positionals: given } = readArguments(input.args, SEND_OPTIONS);
  const waitS = numberOption("wait-seconds", values["wait-seconds"]) ?? WAIT_S_DEFAULT;
  const sent = new Sent();
  const key = values.key ?? crypto.randomUUID();
  try {
    for await (const chunk of chunksOf(linesFrom(given, values, input))) {
      const texts = chunk.map(({ text }) => text);
      const answer = await events.sendLines(texts, { idempotencyKey: `${key}-${sent.chunks}` });
      sent.add(answer, (index) => chunk[index]?.number ?? index);
    }
  } catch (error) {
    const accepted = sent.accepted + (error instanceof PartlySentError ? error.answer.accepted : 0);
    const again = `the same input with --key ${key} sends the rest, and nothing twice`;
    if (accepted > 0) input.complain(`${accepted} events were accepted before this failed; ${again}`);
    throw error;
  }
  if (sent.accepted + sent.rejectedTotal === 0) throw new UsageError("there is no event to send");
  const receipt = sent.receipts.join(",");
  if (values.wait && receipt !== "") await events.waitStored(receipt, { timeoutMs: waitS * 1_000 });
  report(sent, values, input);
  return sent.rejectedTotal === 0 ? EXIT.done : EXIT.failed;
};

interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

/** From the options, the arguments, or standard input. */
async function* linesFrom(
  given: readonly string[],
  { type, message, source, level }: Values,
  { terminal }: Pick<CommandInput, "terminal">,
): AsyncGenerator<NumberedLine, void, void> {
  const isSpelled = type !== undefined || message !== undefined;
  if (isSpelled && given.length > 0)
    throw new UsageError("give events as JSON, or one by --type and --message");
  if (!isSpelled && (source !== undefined || level !== undefined))
    throw new UsageError("--source and --level go with --type and --message");
  if (isSpelled && (type === undefined || message === undefined))
    throw new UsageError("an event needs --type and --message");
  if (!isSpelled && given.length === 0 && terminal.isTypedInto)
    throw new UsageError("give an event as JSON, by --type and --message, or one a line on standard input");
  if (isSpelled) yield { number: 1, text: JSON.stringify({ type, message, source, level }) };
  else if (given.length === 0) yield* readLines(Bun.stdin.stream());
  else for (const [index, text] of given.entries()) yield { number: index + 1, text };
}

/** Cut by the lines alone, so that the same input under the same key is the same requests again. */
async function* chunksOf(
  lines: AsyncIterable<NumberedLine>,
): AsyncGenerator<readonly NumberedLine[], void, void> {
  let chunk: NumberedLine[] = [];
  let chars = 0;
  for await (const line of lines) {
    chunk.push(line);
    chars += line.text.length;
    if (chunk.length < CHUNK_LINES && chars < CHUNK_CHARS) continue;
    yield chunk;
    chunk = [];
    chars = 0;
  }
  if (chunk.length > 0) yield chunk;
}

type Answer = Awaited<ReturnType<Client["events"]["sendLines"]>>;

class Sent {
  accepted = 0;
  rejectedTotal = 0;
  chunks = 0;
  readonly receipts: string[] = [];
  /** The first ones, by the number of their line. */
  readonly rejected: EventRejection[] = [];

  add(answer: Answer, numberOf: (index: number) => number): void {
    this.chunks += 1;
    this.accepted += answer.accepted;
    this.rejectedTotal += answer.rejected_total;
    if (answer.receipt !== null) this.receipts.push(answer.receipt);
    for (const { index, code, message } of answer.rejected)
      if (this.rejected.length < REJECTED_SHOWN_MAX)
        this.rejected.push({ index: numberOf(index), code, message });
  }
}

function report(sent: Sent, values: Values, { say, complain }: CommandInput): void {
  const { accepted, rejected, rejectedTotal } = sent;
  const receipt = sent.receipts.length === 0 ? null : sent.receipts.join(",");
  if (values.json) {
    const lines = rejected.map(({ index: line, code, message }) => ({ line, code, message }));
    say(JSON.stringify({ accepted, rejected: lines, rejected_total: rejectedTotal, receipt }));
    return;
  }
  for (const { index, code, message } of rejected) complain(oneLine(`line ${index}: ${code}: ${message}`));
  if (rejectedTotal > rejected.length) complain(`… and ${rejectedTotal - rejected.length} more`);
  const what = values.wait ? "stored" : "accepted";
  const shown = receipt === null || receipt.length > RECEIPT_CHARS_SHOWN_MAX ? "" : `; receipt ${receipt}`;
  say(`${accepted} ${what}, ${rejectedTotal} rejected${shown}`);
}
