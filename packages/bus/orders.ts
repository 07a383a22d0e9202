import {
  decodeOrderKind,
  decodeOrdersHeeded,
  ORDERS_SUBJECT,
  type OrderKind,
  type OrdersHeeded,
} from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/**
 * Answers, until the returned function is called, once this process goes by what operators have ordered. `heed` resolves
 * when it does: nothing starts here any more that was let through by less than what stood in the database when it was
 * called. Resolving with false, or rejecting, it says that it cannot tell.
 *
 * Pauses, limits and drains are read anew for each question, so that it does not matter which notices came. A breaker's notice
 * brings its state along: it is sent before the question, and heard here before it, since NATS keeps the order of messages
 * from one connection to another.
 */
export function answerForOrders(
  bus: Bus,
  by: string,
  heed: (kind: OrderKind) => Promise<boolean>,
): () => void {
  const subscription = bus.connection.subscribe(ORDERS_SUBJECT, {
    callback: (error, message) => {
      const kind = error === null ? decodeOrderKind(message.string()) : null;
      if (kind === null) return;
      const answer = (heeded: boolean): void => {
        const told: OrdersHeeded = { by, heeded };
        if (!bus.connection.isClosed()) message.respond(JSON.stringify(told));
      };
      heed(kind).then(answer, () => answer(false));
    },
  });
  return () => subscription.unsubscribe();
}

export interface OrdersQuestion {
  readonly kind: OrderKind;
  /** Who must have answered: workers' sessions, api processes' instances. Others may answer as well. */
  readonly expected: Iterable<string>;
  readonly waitMs: number;
}

/**
 * Asks everybody, and resolves with those who are expected and do not go by the order yet: as soon as all have answered,
 * and after `waitMs` in any case. Never rejects: while NATS is away nobody answers.
 */
export async function askForOrders(
  bus: Bus,
  { kind, expected, waitMs }: OrdersQuestion,
): Promise<readonly string[]> {
  const silent = new Set(expected);
  const failed: string[] = [];
  if (silent.size === 0 || bus.connection.isClosed() || bus.connection.isDraining()) return [...silent];
  const { promise, resolve } = Promise.withResolvers<void>();
  const inbox = `${ORDERS_SUBJECT}.heeded.${crypto.randomUUID()}`;
  const answers = bus.connection.subscribe(inbox, {
    callback: (error, message) => {
      const told = error === null ? decodeOrdersHeeded(message.string()) : null;
      if (told === null || !silent.delete(told.by)) return;
      if (!told.heeded) failed.push(told.by);
      if (silent.size === 0) resolve();
    },
  });
  const timer = setTimeout(resolve, waitMs);
  try {
    bus.connection.publish(ORDERS_SUBJECT, kind, { reply: inbox });
    await promise;
  } finally {
    clearTimeout(timer);
    if (!answers.isClosed()) answers.unsubscribe();
  }
  return [...silent, ...failed];
}
