import type { Level } from "@millrace/protocol";
import type { Bus } from "./connect.ts";
import type { Delivery } from "./puller.ts";

/**
 * What can be said of a delivery. Nothing here is a promise: an acknowledgement may get lost, and one that comes late
 * removes a message that somebody else holds by now. The claim in PostgreSQL decides who owns an attempt; this only
 * keeps the stream tidy and the deliveries few.
 */
const ACK = "+ACK";
const PROGRESS = "+WPI";

/** Done with: the server removes the message. */
export function ack(bus: Bus, delivery: Delivery): void {
  say(bus, delivery, ACK);
}

/** Still at it: the ack wait starts again. */
export function ackProgress(bus: Bus, delivery: Delivery): void {
  say(bus, delivery, PROGRESS);
}

/** Not now: comes again after the delay, to any worker. Only for local reasons and for less than five seconds. */
export function giveBack(bus: Bus, delivery: Delivery, delayMs = 0): void {
  say(bus, delivery, delayMs === 0 ? "-NAK" : `-NAK {"delay": ${delayMs * 1_000_000}}`);
}

/** Stands for the message of a task that starts without it. Its own comes later, and is found to be stale. */
export function withoutMessage({ lane, priority }: Level): Delivery {
  return { level: { lane, priority }, body: "", reply: "" };
}

function say(bus: Bus, delivery: Delivery, word: string): void {
  if (delivery.reply === "" || bus.connection.isClosed()) return; // The ack wait says it for us.
  bus.connection.publish(delivery.reply, word);
}
