import {
  CORRELATION_HEADER,
  type DeadLetter,
  DLQ_MONITOR,
  DLQ_STREAM,
  deadLetterSubject,
  decodeDeadLetter,
  MESSAGE_ID_HEADER,
} from "@millrace/protocol";
import type { ConsumerMessages } from "@nats-io/jetstream";
import { headers } from "nats";
import type { Bus } from "./connect.ts";

const ACK_TIMEOUT_MS = 5_000;

/** Writes the readable copy of a dead letter into DLQ; resolves when it is on disk. Repeating it is harmless. */
export async function publishDeadLetter(bus: Bus, letter: DeadLetter): Promise<void> {
  const header = headers();
  header.set(MESSAGE_ID_HEADER, `${letter.task_id}:${letter.attempts}`);
  header.set(CORRELATION_HEADER, letter.correlation_id);
  await bus.js.publish(deadLetterSubject(letter.lane, letter.task_type), JSON.stringify(letter), {
    headers: header,
    timeout: ACK_TIMEOUT_MS,
  });
}

const RESTART_PAUSE_MS = 1_000;

/** Hands every dead letter to `handle`, and to one follower of several. The returned function ends it. */
export async function followDeadLetters(
  bus: Bus,
  handle: (letter: DeadLetter) => void,
): Promise<() => Promise<void>> {
  let isStopped = false;
  let messages: ConsumerMessages | undefined;
  const follow = async (): Promise<void> => {
    while (!isStopped) {
      try {
        const consumer = await bus.js.consumers.get(DLQ_STREAM, DLQ_MONITOR);
        // Ends when the consumer is deleted; left to itself it would wait for missed heartbeats first.
        messages = await consumer.consume({ max_messages: 50, abort_on_missing_resource: true });
        if (isStopped) messages.stop(); // It was told before there was anything to stop.
        for await (const message of messages) {
          const letter = decodeDeadLetter(message.string());
          if (letter !== null) handle(letter);
          message.ack();
        }
      } catch {
        // The stream is gone or the broker away; the consumer is durable, so nothing is missed.
      }
      if (!isStopped) await Bun.sleep(RESTART_PAUSE_MS);
    }
  };
  const following = follow();
  return async () => {
    isStopped = true;
    messages?.stop();
    await following;
  };
}
