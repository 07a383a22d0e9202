import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { BusLiveTasks, type TaskWatcher } from "@millrace/api/live/live-tasks";
import { LiveTeller } from "@millrace/bus";
import { PROGRESS_TASKS_MAX } from "@millrace/core/limits";
import { LIVE_PROGRESS_SUBJECT, LIVE_TASKS_SUBJECT } from "@millrace/protocol";
import { type BusUnderTest, startBus, until } from "../../../support/bus.ts";

let under: BusUnderTest;
let live: BusLiveTasks;
beforeAll(async () => {
  under = await startBus();
});
afterAll(() => under.close());
beforeEach(async () => {
  live = new BusLiveTasks(under.bus);
  await under.bus.connection.flush();
});

class Seen implements TaskWatcher {
  readonly steps: string[] = [];
  readonly shares: number[] = [];
  onStep({ phase }: Parameters<TaskWatcher["onStep"]>[0]): void {
    this.steps.push(phase);
  }
  onProgress({ progress }: Parameters<TaskWatcher["onProgress"]>[0]): void {
    this.shares.push(progress);
  }
}

function teller(): LiveTeller {
  return new LiveTeller(under.bus, "w");
}

const step = (seq: number, phase: "running" | "done") =>
  ({ seq, task_id: `t-${seq}`, status: "running", phase, attempt: 1 }) as const;

/** Those who listen to a subject, as the server counts them. */
async function listeners(subject: string): Promise<number> {
  const response = await fetch(`${under.server.monitorUrl}/subsz?subs=1&test=${subject}`);
  const { subscriptions_list: list } = (await response.json()) as { subscriptions_list?: unknown[] };
  return list?.length ?? 0;
}

/** Everything that was published before has arrived when this resolves. */
async function settle(): Promise<void> {
  await under.bus.connection.flush();
  await under.bus.connection.flush();
}

test("the last progress that was told of an attempt is known, and of no other attempt", async () => {
  const worker = teller();
  worker.tellProgress({ seq: 1, attempt: 2, progress: 0.25 });
  worker.tellProgress({ seq: 1, attempt: 2, progress: 0.5, note: "half" });
  worker.flush();
  await until("it is known", () => live.progressOf(1, 2) === 0.5);
  expect([live.progressOf(1, 1), live.progressOf(1, 3), live.progressOf(2, 2)]).toEqual([null, null, null]);
});

test("what is remembered is bounded: the stalest goes first, and who tells again is fresh", async () => {
  const tell = (from: number, to: number) => {
    for (let start = from; start < to; start += 1_000) {
      const progress = Array.from({ length: Math.min(1_000, to - start) }, (_, index) => ({
        seq: start + index,
        attempt: 1,
        progress: 0.5,
      }));
      under.bus.connection.publish(LIVE_PROGRESS_SUBJECT, JSON.stringify(progress));
    }
  };
  tell(0, PROGRESS_TASKS_MAX);
  tell(0, 1);
  tell(PROGRESS_TASKS_MAX, PROGRESS_TASKS_MAX + 2);
  await until("the last is known", () => live.progressOf(PROGRESS_TASKS_MAX + 1, 1) !== null);
  expect([0, 1, 2, 3].map((seq) => live.progressOf(seq, 1))).toEqual([0.5, null, null, 0.5]);
});

test("a watcher is told the steps and the progress of its task, in order, and of no other", async () => {
  const seen = new Seen();
  const other = new Seen();
  const unwatch = live.watch(7, seen);
  const unwatchOther = live.watch(8, other);
  await settle();
  const worker = teller();
  worker.tell(step(7, "running"));
  worker.tell(step(9, "running"));
  worker.tell(step(7, "done"));
  worker.tellProgress({ seq: 7, attempt: 1, progress: 0.1 });
  worker.flush();
  await until("it is told", () => seen.steps.length === 2 && seen.shares.length === 1);
  expect([seen.steps, seen.shares, other.steps]).toEqual([["running", "done"], [0.1], []]);
  unwatch();
  unwatchOther();
});

test("two watchers of one task are both told; one that left is told nothing more", async () => {
  const [one, two] = [new Seen(), new Seen()];
  const unwatchOne = live.watch(7, one);
  const unwatchTwo = live.watch(7, two);
  unwatchOne();
  await settle();
  const worker = teller();
  worker.tell(step(7, "done"));
  worker.flush();
  await until("the second is told", () => two.steps.length === 1);
  expect(one.steps).toEqual([]);
  unwatchTwo();
});

test("steps are listened to while somebody watches, once for all of them, and not before or after", async () => {
  await settle();
  const before = await listeners(LIVE_TASKS_SUBJECT);
  const ends = [1, 1, 2, 3].map((seq) => live.watch(seq, new Seen()));
  await settle();
  expect(await listeners(LIVE_TASKS_SUBJECT)).toBe(before + 1);
  for (const end of ends) end();
  await settle();
  expect(await listeners(LIVE_TASKS_SUBJECT)).toBe(before);
  live.watch(4, new Seen())();
  await settle();
  expect(await listeners(LIVE_TASKS_SUBJECT)).toBe(before);
});

test("who leaves twice takes nobody along", async () => {
  const gone = live.watch(7, new Seen());
  gone();
  const seen = new Seen();
  const unwatch = live.watch(7, seen);
  gone();
  await settle();
  const worker = teller();
  worker.tell(step(7, "done"));
  worker.flush();
  await until("the one who stayed is told", () => seen.steps.length === 1);
  unwatch();
});

test("what is no message of ours changes nothing", async () => {
  const seen = new Seen();
  const unwatch = live.watch(7, seen);
  await settle();
  for (const body of ["", "{", "null", "7", "{}", '{"tasks":null}', '[null,{"seq":7}]', '{"tasks":[null]}'])
    for (const subject of [LIVE_TASKS_SUBJECT, LIVE_PROGRESS_SUBJECT])
      under.bus.connection.publish(subject, body);
  const worker = teller();
  worker.tell(step(7, "done"));
  worker.flush();
  await until("the one after it is told", () => seen.steps.length === 1);
  unwatch();
});

test("a restart of NATS is survived: watchers hear what is told after it", async () => {
  const seen = new Seen();
  const unwatch = live.watch(7, seen);
  await under.server.restart();
  const worker = teller();
  await until("it is told again", () => {
    worker.tell(step(7, "done"));
    worker.flush();
    return seen.steps.length > 0;
  });
  unwatch();
}, 20_000);
