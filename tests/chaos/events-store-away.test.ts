import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { migrate } from "@millrace/store";
import { until } from "../support/bus.ts";
import { countRows, type EventsGround, eventOf, publishBatch, startEventsGround } from "../support/events.ts";
import { type PostgresUnderTest, startPostgres } from "../support/servers.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;

setDefaultTimeout(120_000);

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

const levels = (level: string) => ground.lines.filter((line) => line.level === level);

test("while PostgreSQL is away the recorder waits, rejects nothing, and catches up by itself", async () => {
  ground.record();
  await publishBatch(ground.bus, { ordinal: 1, lines: [eventOf(1)] });
  await ground.untilRecorded();
  await postgres.stop();
  for (let ordinal = 2; ordinal <= 60; ordinal++)
    await publishBatch(ground.bus, { ordinal, lines: [eventOf(ordinal), "not json"] });
  await until("it says so", () => levels("WARNING").length > 0);
  const info = await ground.bus.manager.consumers.info("EVENTS", "recorder");
  expect(info.num_pending + info.num_ack_pending).toBe(59);
  await postgres.restart();
  await ground.untilRecorded(30_000);
  expect(await countRows(ground.sql, "events")).toBe(60);
  expect(await countRows(ground.sql, "rejected_events")).toBe(59);
  expect(ground.lines.some(({ message }) => message === "events are recorded again")).toBe(true);
});

test("a failure that is not the content's rejects nothing, however long it lasts", async () => {
  const before = await countRows(ground.sql, "rejected_events");
  await ground.sql`alter table event_rollups rename to hidden`;
  await publishBatch(ground.bus, { ordinal: 61, lines: [eventOf(61)] });
  await until("it has failed", () => levels("WARNING").some(({ kind }) => kind === "other"));
  await ground.sql`alter table hidden rename to event_rollups`;
  await ground.untilRecorded(30_000);
  expect(await countRows(ground.sql, "rejected_events")).toBe(before);
  expect(await countRows(ground.sql, "events")).toBe(61);
});
