import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPool, type Sql } from "@millrace/store";
import { until } from "../support/bus.ts";
import { type CuttingGate, startCuttingGate } from "../support/cutting-gate.ts";
import { countRows, type EventsGround, eventOf, publishBatch, startEventsGround } from "../support/events.ts";
import { type FreshDatabase, freshDatabase } from "../support/servers.ts";

/** Servers start and stop in them, and the machine may be busy. */
const HOOK_MS = 60_000;
const ROUNDS = 2;
const MESSAGES = 40;

let database: FreshDatabase;
let gate: CuttingGate;
let ground: EventsGround;
let direct: Sql;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  gate = await startCuttingGate(database.url);
  ground = await startEventsGround({ databaseUrl: gate.reroute(database.url), statementTimeoutMs: 1_000 });
  direct = openPool({ url: database.url, max: 1, applicationName: "test" });
}, HOOK_MS);
afterAll(async () => {
  await ground.close();
  await direct.end({ timeout: 1 });
  await database.drop();
}, HOOK_MS);

test("a recorder whose PostgreSQL vanished without closing a connection goes on when it is back: none lost, none twice", async () => {
  const lines = Array.from({ length: 500 }, (_, n) => eventOf(n));
  ground.record();
  let ordinal = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = await countRows(direct, "event_batches");
    const publishing = (async () => {
      for (let n = 0; n < MESSAGES; n++) await publishBatch(ground.bus, { ordinal: ++ordinal, lines });
    })();
    await until("it works", async () => (await countRows(direct, "event_batches")) > before, 30_000);
    gate.vanish(); // In the middle of a transaction, or between two.
    await publishing;
    const warnings = ground.lines.filter(({ kind }) => kind === "unavailable").length;
    await until(
      "it has noticed",
      () => ground.lines.filter(({ kind }) => kind === "unavailable").length > warnings || ordinal === before,
      30_000,
    );
    gate.comeBack(); // For the recorder, its old connections stay as they are.
    gate.bury(); // Whoever was cut off in the middle of a COPY holds its locks until then.
  }
  await ground.untilRecorded(60_000);
  const [counted] = await direct<{ events: number; places: number }[]>`
    select count(*)::integer as events, count(distinct (seq, line))::integer as places from events`;
  const events = ROUNDS * MESSAGES * 500;
  expect(counted).toEqual({ events, places: events });
}, 150_000);
