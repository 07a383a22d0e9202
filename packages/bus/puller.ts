import { type Level, levelConsumer, TASKS_STREAM } from "@millrace/protocol";
import { createInbox, type Msg } from "nats";
import type { Bus } from "./connect.ts";
import { readTrace } from "./trace-headers.ts";

/** A message as the server handed it out: to be settled with `settle.ts`, else it comes again after the ack wait. */
export interface Delivery {
  readonly level: Level;
  readonly body: string;
  /** Where to say what became of it. */
  readonly reply: string;
  /** Of its publication; read only by those who trace. */
  readonly traceContext?: string;
}

const NO_WAIT_DEADLINE_MS = 2_000;
const NANOSECONDS_PER_MS = 1_000_000;

/**
 * Takes up to `batch` messages that are there now; returns at once with fewer or none. The client library waits at
 * least a second in its own pulls, hence this raw request.
 */
export function pullNow(bus: Bus, level: Level, batch: number): Promise<readonly Delivery[]> {
  const { promise, resolve } = Promise.withResolvers<readonly Delivery[]>();
  const deliveries: Delivery[] = [];
  const inbox = createInbox();
  const finish = (): void => {
    clearTimeout(deadline);
    subscription.unsubscribe();
    resolve(deliveries);
  };
  // A connection that breaks swallows the answer; what was delivered until then is still ours to run.
  const deadline = setTimeout(finish, NO_WAIT_DEADLINE_MS);
  const subscription = bus.connection.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null || isStatus(message)) return finish();
      deliveries.push(toDelivery(bus, level, message));
      if (deliveries.length === batch) finish();
    },
  });
  bus.connection.publish(nextSubject(level), JSON.stringify({ batch, no_wait: true }), { reply: inbox });
  return promise;
}

/** A request that stays with the server until a message comes, or `expiresMs` have passed. */
export interface StandingPull {
  readonly level: Level;
  /** Gives the request up, as far as it can: a message may be on its way already. */
  cancel(): void;
}

export interface StandingPullOptions {
  readonly level: Level;
  readonly expiresMs: number;
  readonly onDelivery: (delivery: Delivery) => void;
  /** The request is over: served, expired, or refused. Not told after `cancel`. */
  readonly onEnd: (isServed: boolean) => void;
}

/** Waits for the next message of a level. Measured: 1.3 ms from the publish to the delivery. */
export function pullNext(bus: Bus, options: StandingPullOptions): StandingPull {
  const { level, expiresMs } = options;
  const inbox = createInbox();
  const subscription = bus.connection.subscribe(inbox, {
    callback: (error, message) => {
      subscription.unsubscribe();
      clearTimeout(deadline);
      const isServed = error === null && !isStatus(message);
      if (isServed) options.onDelivery(toDelivery(bus, level, message));
      options.onEnd(isServed);
    },
  });
  const deadline = setTimeout(() => {
    subscription.unsubscribe();
    options.onEnd(false);
  }, expiresMs + NO_WAIT_DEADLINE_MS);
  const request = { batch: 1, expires: expiresMs * NANOSECONDS_PER_MS };
  bus.connection.publish(nextSubject(level), JSON.stringify(request), { reply: inbox });
  return {
    level,
    cancel: () => {
      clearTimeout(deadline);
      subscription.unsubscribe();
    },
  };
}

function nextSubject(level: Level): string {
  return `$JS.API.CONSUMER.MSG.NEXT.${TASKS_STREAM}.${levelConsumer(level)}`;
}

/** 404 no messages, 408 expired, 409 the consumer went away: no body, and a status line. */
function isStatus(message: Msg): boolean {
  return message.data.length === 0 && (message.headers?.code ?? 0) > 0;
}

function toDelivery(bus: Bus, level: Level, message: Msg): Delivery {
  const delivery = { level, body: message.string(), reply: message.reply ?? "" };
  const traceContext = bus.isTraced === true ? readTrace(message.headers) : undefined;
  return traceContext === undefined ? delivery : { ...delivery, traceContext };
}
