import { PULSE_EVERY_MS } from "@millrace/core/limits";
import { decodePulse, PULSE_SUBJECT, type Pulse } from "@millrace/protocol/alerts";
import type { Bus } from "./connect.ts";

export interface PulseOptions {
  readonly name: string;
  /** Another one at each start. */
  readonly instance: string;
  /** Asked every second. Must be quick: no query, no request. */
  readonly facts?: () => Readonly<Record<string, number>>;
}

/** Says every second that this process lives; the returned function says that it leaves, and ends it. */
export function startPulse(bus: Bus, { name, instance, facts }: PulseOptions): () => void {
  const beat = (leaves: boolean): void => {
    if (bus.connection.isClosed()) return;
    const pulse: Pulse = { name, instance, ...(leaves && { leaves }), ...(facts && { facts: facts() }) };
    bus.connection.publish(PULSE_SUBJECT, JSON.stringify(pulse));
  };
  beat(false);
  const timer = setInterval(() => beat(false), PULSE_EVERY_MS);
  return () => {
    clearInterval(timer);
    beat(true);
  };
}

/** Hears every process, this one included; the returned function ends it. A plain subscription, which comes back by itself. */
export function hearPulses(bus: Bus, handle: (pulse: Pulse) => void): () => void {
  const subscription = bus.connection.subscribe(PULSE_SUBJECT, {
    callback: (error, message) => {
      const pulse = error === null ? decodePulse(message.string()) : null;
      if (pulse !== null) handle(pulse);
    },
  });
  return () => subscription.unsubscribe();
}

const DEAD_LETTERS = "dlq.>";

/** Calls for each message that is written to DLQ, as it passes; the returned function ends it. */
export function onDeadLetterWritten(bus: Bus, handle: () => void): () => void {
  const subscription = bus.connection.subscribe(DEAD_LETTERS, {
    callback: (error) => {
      if (error === null) handle();
    },
  });
  return () => subscription.unsubscribe();
}
