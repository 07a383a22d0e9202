import { CORRELATION_HEADER, type DeadLetter, deadLetterSubject, MESSAGE_ID_HEADER } from "@millrace/protocol";
import { headers } from "nats";
import type { Bus } from "./connect.ts";

const ACK_TIMEOUT_MS = 5_000;

/** Writes the readable copy of a dead letter into DLQ; resolves when it is on disk. Repeating it is harmless. */
export async function publishDeadLetter(bus: Bus, letter: DeadLetter): Promise<void> {
  const header = headers();
  header.set(MESSAGE_ID_HEADER, `${letter.task_id}:${letter.died_at}`);
  header.set(CORRELATION_HEADER, letter.correlation_id);
  await bus.js.publish(deadLetterSubject(letter.lane, letter.task_type), JSON.stringify(letter), {
    headers: header,
    timeout: ACK_TIMEOUT_MS,
  });
}
