import { type Bus, type BusStatus, connectBus, type Delivery, provision, pullNow } from "@millrace/bus";
import type { Dispatch, Level } from "@millrace/protocol";
import { type NatsUnderTest, startNats } from "./servers.ts";

/** A nats-server with the product's streams, and a connection to it. */
export interface BusUnderTest {
  readonly server: NatsUnderTest;
  readonly bus: Bus;
  close(): Promise<void>;
}

export async function startBus(onStatus?: (status: BusStatus) => void): Promise<BusUnderTest> {
  const server = await startNats();
  const bus = await connectBus({ urls: [server.url], name: "millrace-test", ...(onStatus && { onStatus }) });
  await provision(bus);
  return {
    server,
    bus,
    close: async () => {
      await bus.connection.close();
      await server.stop();
    },
  };
}

export const LEVEL = { lane: "short", priority: 5 } as const;

export function dispatchOf(seq: number, overrides: Partial<Dispatch> = {}): Dispatch {
  return {
    seq,
    task_id: `task-${seq}`,
    task_type: "simulate",
    attempt: 1,
    failures: 0,
    payload: {},
    ...LEVEL,
    timeout: 30,
    max_attempts: 3,
    backoff: { initial_ms: 1, factor: 2, max_ms: 10, jitter: true },
    tenant: null,
    correlation_id: "correlation-1",
    ...overrides,
  };
}

/** The internal ids of the tasks that were delivered. */
export function seqsOf(deliveries: readonly Delivery[]): number[] {
  return deliveries.map(({ body }) => JSON.parse(body).seq);
}

/** So many messages. A message is acknowledged a moment before its consumer knows of it, so one pull may come too early. */
export async function pullAll(bus: Bus, level: Level, count: number): Promise<readonly Delivery[]> {
  const deliveries: Delivery[] = [];
  await until(`${count} messages come`, async () => {
    deliveries.push(...(await pullNow(bus, level, count - deliveries.length)));
    return deliveries.length === count;
  });
  return deliveries;
}

/** Waits for what happens soon, and nobody tells. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`in ${deadlineMs} ms it did not come to be that ${what}`);
    await Bun.sleep(5);
  }
}
