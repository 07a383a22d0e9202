import { afterEach, beforeEach, expect, test } from "bun:test";
import { BreakerBoard, openBreakersBucket, readBreakers } from "@millrace/bus";
import type { BreakerEvent } from "@millrace/core/breaker";
import { type BusUnderTest, startBus, until } from "../../support/bus.ts";

const ORIGIN = "http://127.0.0.1:8080";
const NOW_MS = Date.now();

let under: BusUnderTest;
let boards: BreakerBoard[];
let failures: unknown[];
beforeEach(async () => {
  under = await startBus();
  [boards, failures] = [[], []];
}, 60_000);
afterEach(async () => {
  for (const board of boards) board.stop();
  await under?.close();
});

async function startBoard(lookMs = 60_000): Promise<BreakerBoard> {
  const board = new BreakerBoard({ bus: under.bus, lookMs, onFailure: (error) => failures.push(error) });
  boards.push(board);
  await board.start();
  return board;
}

const trip: BreakerEvent = { kind: "trip", nowMs: NOW_MS, reason: "TIMEOUT", random: () => 0.5 };
const probe = (by: string): BreakerEvent => ({ kind: "probe", nowMs: NOW_MS + 60_000, by });

test("what one process changes, the others hear; one that comes later reads it", async () => {
  const [one, other] = [await startBoard(), await startBoard()];
  expect(other.get(ORIGIN).kind).toBe("closed");
  expect(await one.change(ORIGIN, trip)).toMatchObject({ kind: "open", reason: "TIMEOUT" });
  await until("the other has heard it", () => other.get(ORIGIN).kind === "open");
  expect((await startBoard()).get(ORIGIN)).toEqual(one.get(ORIGIN));
});

test("of many that ask for the probe at once, one gets it", async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => startBoard()));
  await all[0]?.change(ORIGIN, trip);
  await until("all know", () => all.every((board) => board.get(ORIGIN).kind === "open"));
  const got = await Promise.all(all.map((board, index) => board.change(ORIGIN, probe(`worker-${index}`))));
  expect(got.filter((breaker) => breaker !== null)).toHaveLength(1);
});

test("of many that find a host down at once, one opens it, and all agree", async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => startBoard()));
  const got = await Promise.all(all.map((board) => board.change(ORIGIN, trip)));
  expect(got.filter((breaker) => breaker !== null)).toHaveLength(1);
  expect(all.map((board) => board.get(ORIGIN))).toMatchObject(Array(5).fill({ kind: "open", openings: 1 }));
});

test("a word that got lost is read from the bucket", async () => {
  const one = await startBoard();
  const deaf = await startBoard(50);
  const bucket = await openBreakersBucket(under.bus);
  await one.change(ORIGIN, trip);
  await until("it is known", () => deaf.get(ORIGIN).kind === "open");
  const [key] = await Array.fromAsync(await bucket.keys());
  const words = { origin: ORIGIN, state: "forced_open", since: new Date().toISOString(), forced_by: "me" };
  await bucket.put(key ?? "", JSON.stringify(words)); // By hand: nobody is told.
  await until("it is read", () => deaf.get(ORIGIN).kind === "forced_open");
  await bucket.put(key ?? "", "{not json");
  expect((await readBreakers(under.bus)).size).toBe(0);
});

test("a bucket that was deleted is as if no breaker had ever opened, and is made anew", async () => {
  const board = await startBoard();
  await board.change(ORIGIN, trip);
  await under.bus.manager.streams.delete("KV_breakers");
  await board.refresh();
  expect(board.get(ORIGIN).kind).toBe("closed");
  await board.change(ORIGIN, trip);
  await board.change(ORIGIN, trip);
  expect(board.get(ORIGIN).kind).toBe("open");
  await until("it stands in the bucket", async () => {
    await board.change(ORIGIN, { kind: "force", to: "open", nowMs: NOW_MS, by: "me", reason: null });
    return (await readBreakers(under.bus)).get(ORIGIN)?.breaker.kind === "forced_open";
  });
});

test("who knows a breaker from a bucket that is gone learns what the new one says, and changes it", async () => {
  const board = await startBoard();
  await board.change(ORIGIN, trip);
  await board.change(ORIGIN, probe("worker-1"));
  await under.bus.manager.streams.delete("KV_breakers");
  const later = await startBoard();
  await later.change(ORIGIN, { kind: "force", to: "open", nowMs: NOW_MS, by: "me", reason: null });
  await board.refresh();
  expect(board.get(ORIGIN).kind).toBe("forced_open");
  expect(await board.change(ORIGIN, { kind: "reset", nowMs: NOW_MS })).toMatchObject({ kind: "closed" });
});

test("without NATS a trip counts here all the same, and nobody gets a probe", async () => {
  const board = await startBoard();
  await under.bus.connection.close();
  expect(await board.change(ORIGIN, trip)).toMatchObject({ kind: "open" });
  expect(board.get(ORIGIN).kind).toBe("open");
  expect(await board.change(ORIGIN, probe("worker-1"))).toBeNull();
  expect(failures.length).toBeGreaterThan(0);
});

test("what closed long ago is forgotten", async () => {
  const board = await startBoard();
  await board.change(ORIGIN, trip);
  await board.change(ORIGIN, { kind: "reset", nowMs: NOW_MS });
  await board.forget(ORIGIN);
  expect((await readBreakers(under.bus)).size).toBe(0);
  expect(await board.change(ORIGIN, trip)).toMatchObject({ kind: "open" }); // And opens again.
});
