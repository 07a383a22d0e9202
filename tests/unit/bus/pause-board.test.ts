import { afterEach, beforeEach, expect, test } from "bun:test";
import { openControlBucket, PauseBoard, readToldPauses, tellPause, tellResume } from "@millrace/bus";
import { type BusUnderTest, startBus, until } from "../../support/bus.ts";

let under: BusUnderTest;
let names: readonly string[];
let readings: number;
let board: PauseBoard;
let changes: number;
let failures: number;

beforeEach(async () => {
  under = await startBus();
  [names, readings, changes, failures] = [[], 0, 0, 0];
  board = new PauseBoard({
    bus: under.bus,
    read: async () => {
      readings += 1;
      return names;
    },
    onChange: () => {
      changes += 1;
    },
    onFailure: () => {
      failures += 1;
    },
  });
}, 60_000);
afterEach(async () => {
  board?.stop();
  await under?.close();
});

const notice = (name: string) => ({ name, paused_at: "2026-01-01T00:00:00.000Z", reason: null });

test("what is paused is known from the start, and lanes win over types of the same name", async () => {
  names = ["short", "report.make"];
  await board.start();
  expect([board.isLanePaused("short"), board.isLanePaused("long")]).toEqual([true, false]);
  expect([
    board.isTypePaused("report.make"),
    board.isTypePaused("short"),
    board.isTypePaused("simulate"),
  ]).toEqual([true, false, false]);
});

test("a pause and its end are known as soon as the bucket tells them", async () => {
  await board.start();
  const bucket = await openControlBucket(under.bus);
  names = ["simulate"];
  await tellPause(bucket, notice("simulate"));
  await until("it is known", () => board.isTypePaused("simulate"));
  expect([...((await readToldPauses(under.bus)) ?? [])]).toEqual(["simulate"]);
  names = [];
  await tellResume(bucket, "simulate");
  await until("its end is known", () => !board.isTypePaused("simulate"));
  expect([...((await readToldPauses(under.bus)) ?? [])]).toEqual([]);
  expect(changes).toBe(2);
});

test("a reading that fails changes nothing, and is made up for", async () => {
  names = ["simulate"];
  await board.start();
  board.stop();
  let isAway = true;
  const other = new PauseBoard({
    bus: under.bus,
    read: async () => {
      if (isAway) throw new Error("the database is away");
      return names;
    },
    onFailure: () => {
      failures += 1;
    },
  });
  await other.start();
  expect([failures, other.isTypePaused("simulate")]).toEqual([1, false]);
  isAway = false;
  await until("it is read again", () => other.isTypePaused("simulate"));
  isAway = true;
  await other.refresh();
  expect([failures, other.isTypePaused("simulate")]).toEqual([2, true]);
  other.stop();
});

test("a word that comes while it reads has it read once more, and no more than that", async () => {
  await board.start();
  const before = readings;
  await Promise.all(Array.from({ length: 20 }, () => board.refresh()));
  await until("they are read", () => readings > before);
  expect(readings - before).toBeLessThanOrEqual(2);
});

test("what has a dot, and what is told twice, is one key", async () => {
  const bucket = await openControlBucket(under.bus);
  for (const name of ["a.b.c", "a.b.c", "a_b-c"]) await tellPause(bucket, notice(name));
  expect([...((await readToldPauses(under.bus)) ?? [])].sort()).toEqual(["a.b.c", "a_b-c"]);
});

test("a bucket that is not there is told apart from an empty one", async () => {
  await under.bus.manager.streams.delete("KV_control");
  expect(await readToldPauses(under.bus)).toBeNull();
  const bucket = await openControlBucket(under.bus);
  expect(await readToldPauses(under.bus)).toEqual(new Set());
  await tellPause(bucket, notice("a"));
  await tellResume(bucket, "a");
  expect(await readToldPauses(under.bus)).toEqual(new Set());
});
