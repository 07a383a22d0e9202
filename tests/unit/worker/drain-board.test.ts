import { afterEach, beforeEach, expect, test } from "bun:test";
import { tellWorkerChanged } from "@millrace/bus";
import { DrainBoard } from "@millrace/worker/drain-board";
import { type BusUnderTest, startBus, until } from "../../support/bus.ts";

let under: BusUnderTest;
let read: () => Promise<boolean>;
let board: DrainBoard;
let failures: number;
let readings: number;
beforeEach(async () => {
  under = await startBus();
  [failures, readings] = [0, 0];
  read = async () => false;
  board = new DrainBoard({
    bus: under.bus,
    workerId: "w",
    read: () => {
      readings += 1;
      return read();
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

test("nothing may start before it is known that the worker is not drained", async () => {
  expect([board.mayStart, board.isDrained]).toEqual([false, false]);
  await board.start();
  expect([board.mayStart, board.isDrained]).toEqual([true, false]);
});

test("while it cannot be read nothing may start at first; what was read counts on when it cannot be read later", async () => {
  read = async () => Promise.reject(new Error("the database is away"));
  const told: boolean[] = [];
  board.follow((isDrained) => told.push(isDrained));
  await board.start();
  expect([board.mayStart, failures, told]).toEqual([false, 1, []]);
  read = async () => false;
  await until("it is read again", () => board.mayStart);
  read = async () => Promise.reject(new Error("the database is away"));
  expect(await board.refresh()).toBe(false);
  expect([board.mayStart, told]).toEqual([true, [false]]);
});

test("the word of a drain is heard by whom it concerns, and told once", async () => {
  await board.start();
  const told: boolean[] = [];
  board.follow((isDrained) => told.push(isDrained));
  read = async () => true;
  const before = readings;
  tellWorkerChanged(under.bus, "v");
  tellWorkerChanged(under.bus, "w");
  await until("it is drained", () => board.isDrained);
  expect(readings).toBe(before + 1);
  await board.refresh();
  read = async () => false;
  tellWorkerChanged(under.bus, "w");
  await until("it works again", () => board.mayStart);
  expect(told).toEqual([false, true, false]);
});

test("one that leaves is told nothing any more", async () => {
  await board.start();
  const told: boolean[] = [];
  board.follow((isDrained) => told.push(isDrained));
  const slow = Promise.withResolvers<boolean>();
  read = () => slow.promise;
  const reading = board.refresh();
  board.stop();
  slow.resolve(true);
  await reading;
  expect(told).toEqual([false]);
});
