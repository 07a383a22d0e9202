import { afterAll, beforeAll, expect, test } from "bun:test";
import { AlertBook, AlertKeeper } from "@millrace/bus";
import type { Round } from "@millrace/core/alerts/index";
import { ALERT_RULES } from "@millrace/core/alerts/index";
import type { AlertRecord } from "@millrace/protocol/alerts";
import { type BusUnderTest, startBus } from "../../support/bus.ts";
import { untilTrue } from "../../support/running-stack.ts";

const DEADLINE_MS = 30_000;
let under: BusUnderTest;
beforeAll(async () => {
  under = await startBus();
});
afterAll(() => under.close());

function record(id: string, state: "firing" | "resolved"): AlertRecord {
  const at = new Date().toISOString();
  return {
    ...{ id, rule: "queue_age", severity: "warning", state, since: at },
    ...{ resolved_at: state === "resolved" ? at : null, summary: "x", value: 1, threshold: 1, labels: {} },
  };
}

async function openBook(): Promise<AlertBook> {
  const book = new AlertBook(under.bus);
  await book.start();
  return book;
}

test("of many who write the same change one brings it about, and all know it", async () => {
  const books = await Promise.all(Array.from({ length: 4 }, openBook));
  for (const state of ["firing", "resolved", "firing"] as const) {
    const wins = await Promise.all(
      books.map((book) => book.write(record("queue_age:strange lane.*>", state))),
    );
    expect(wins.filter((isWin) => isWin)).toHaveLength(1);
    const isKnown = () => books.every((book) => book.list().some((known) => known.state === state));
    await untilTrue(isKnown, DEADLINE_MS);
  }
  const [late] = await Promise.all([openBook()]);
  expect(late.list().map(({ id, state }) => [id, state])).toEqual([["queue_age:strange lane.*>", "firing"]]);
  for (const book of [...books, late]) book.stop();
});

test("what never fired is not resolved", async () => {
  const book = await openBook();
  expect(await book.write(record("queue_age:never", "resolved"))).toBe(false);
  book.stop();
});

test("of several keepers one tells of each firing and of each end; one that comes anew goes on with what fires", async () => {
  const told: string[] = [];
  const keeperOf = (book: AlertBook) =>
    new AlertKeeper({
      ...{ rules: ALERT_RULES, book, wallMs: Date.now },
      tell: ({ id, state }) => void told.push(`${id} ${state}`),
    });
  const books = await Promise.all([openBook(), openBook(), openBook()]);
  const keepers = books.map(keeperOf);
  const roundOf = (value: number): Round => ({
    readings: [{ rule: "ledger_uneven", labels: {}, value }],
    isMeasured: (rule) => rule === "ledger_uneven",
    nowMs: performance.now(),
  });
  await Promise.all(keepers.map((keeper) => keeper.round(roundOf(3))));
  expect(told).toEqual(["ledger_uneven firing"]);
  await Promise.all(keepers.map((keeper) => keeper.round(roundOf(3))));
  const book = await openBook();
  const heir = keeperOf(book);
  await heir.round(roundOf(3));
  expect(told).toEqual(["ledger_uneven firing"]);
  await Promise.all([...keepers, heir].map((keeper) => keeper.round(roundOf(0))));
  expect(told).toEqual(["ledger_uneven firing", "ledger_uneven resolved"]);
  for (const each of [...books, book]) each.stop();
});

test("while there is no book a keeper tells by itself, and writes it down later", async () => {
  const told: string[] = [];
  const book = await openBook();
  const keeper = new AlertKeeper({
    ...{ rules: ALERT_RULES, book, wallMs: Date.now },
    tell: ({ labels, state }) => void told.push(`${labels.part} ${state}`),
  });
  const roundOf = (value: number): Round => ({
    readings: [{ rule: "part_down", labels: { part: "nats" }, value }],
    isMeasured: (_, { part }) => part === "nats",
    nowMs: performance.now(),
  });
  await keeper.round(roundOf(1), true);
  await keeper.round(roundOf(1), true);
  expect([told, keeper.unwritten().length]).toEqual([["nats firing"], 1]);
  await keeper.round(roundOf(1), false);
  expect(keeper.unwritten()).toEqual([]);
  expect(book.list().find(({ id }) => id === "part_down:nats")?.state).toBe("firing");
  book.stop();
});
