import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { migrate } from "@millrace/store";
import { until } from "../support/bus.ts";
import { newDice } from "../support/dice.ts";
import {
  type EventsGround,
  eventOf,
  publishBatch,
  startEventsGround,
  untilRecorded,
} from "../support/events.ts";
import { startRecorderProcess } from "../support/recorder-process.ts";
import { type PostgresUnderTest, startPostgres } from "../support/servers.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;

const TEST_MS = 170_000;
setDefaultTimeout(TEST_MS);

const MESSAGES = 600;
const EVENTS_PER_MESSAGE = 500;
const EVENTS = MESSAGES * EVENTS_PER_MESSAGE;

let postgres: PostgresUnderTest;
let ground: EventsGround;
beforeAll(async () => {
  postgres = await startPostgres();
  await migrate(postgres.url);
  ground = await startEventsGround({ databaseUrl: postgres.url });
}, HOOK_MS);
afterAll(async () => {
  await ground.close();
  await postgres.stop();
}, HOOK_MS);

/** Until it is acknowledged, whatever breaks; the same message id each time. */
async function publishAnyhow(ordinal: number): Promise<void> {
  const lines = Array.from({ length: EVENTS_PER_MESSAGE }, (_, n) => eventOf(n, { id: `${ordinal}-${n}` }));
  for (;;) {
    try {
      await publishBatch(ground.bus, { ordinal, lines });
      return;
    } catch {
      await Bun.sleep(100);
    }
  }
}

test(
  "recorders killed with -9 again and again, NATS and PostgreSQL once each: every event is stored, and once",
  async () => {
    const dice = newDice();
    const place = { databaseUrl: postgres.url, nats: ground.nats };
    const recorders = await Promise.all(
      ["recorder-1", "recorder-2"].map((name) => startRecorderProcess(name, place)),
    );
    let published = 0;
    const publishing = (async () => {
      for (let ordinal = 1; ordinal <= MESSAGES; ordinal++) {
        await publishAnyhow(ordinal);
        published = ordinal;
      }
    })();
    const at = (share: number) =>
      until(`${share} of all are published`, () => published >= share * MESSAGES, 60_000);
    const killOne = async (): Promise<void> => {
      const victim = dice.pick(recorders);
      await victim.kill9();
      await victim.restart();
    };
    await at(0.05);
    await killOne();
    await at(0.2);
    await killOne();
    await at(0.35);
    await ground.nats.kill9();
    await ground.nats.restart();
    await at(0.5);
    await killOne();
    await at(0.65);
    await postgres.kill9();
    await killOne();
    await postgres.restart();
    await at(0.9);
    await killOne();
    await publishing;
    await untilRecorded(ground.bus, 90_000);
    const [stored] = await ground.sql`
      select count(*)::integer as events, count(distinct (seq, line))::integer as places, count(distinct id)::integer as ids
      from events`;
    expect(stored).toEqual({ events: EVENTS, places: EVENTS, ids: EVENTS });
    const [ledger] = await ground.sql`
      select sum(events)::integer as accepted, sum(stored)::integer as stored, count(distinct ordinal)::integer as messages
      from event_batches`;
    expect(ledger).toEqual({ accepted: EVENTS, stored: EVENTS, messages: MESSAGES });
    for (const table of ["event_rollups", "event_rollups_hourly"]) {
      const [counted] = await ground.sql`select sum(events)::integer as events from ${ground.sql(table)}`;
      expect(counted?.events).toBe(EVENTS);
    }
    await Promise.all(recorders.map((recorder) => recorder.stop()));
  },
  TEST_MS,
);
