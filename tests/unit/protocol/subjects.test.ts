import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { NATS_FOLDER } from "@millrace/bus/stream-files";
import { ACK_WAIT_MS, LEVEL_ACK_PENDING_MAX } from "@millrace/core/limits";
import {
  ADVISORIES_STREAM,
  DLQ_MONITOR,
  DLQ_STREAM,
  deadLetterSubject,
  LEVELS,
  levelConsumer,
  levelFilter,
  scheduleSubject,
  TASKS_STREAM,
  taskSubject,
} from "@millrace/protocol/subjects";

const CONSUMERS = join(NATS_FOLDER, "consumers");
const readJson = async (...path: readonly string[]) => await Bun.file(join(NATS_FOLDER, ...path)).json();

/** As nats-server matches subjects. */
function matches(filter: string, subject: string): boolean {
  const wanted = filter.split(".");
  const found = subject.split(".");
  const isOpen = wanted.at(-1) === ">";
  if (isOpen ? found.length < wanted.length : found.length !== wanted.length) return false;
  return wanted.every((token, index) => token === ">" || token === "*" || token === found[index]);
}

describe("the files in nats/ and the names on the wire", () => {
  test("have the same streams, each in a file of its name", async () => {
    const files = (await readdir(join(NATS_FOLDER, "streams"))).sort();
    for (const name of [ADVISORIES_STREAM, DLQ_STREAM, TASKS_STREAM]) expect(files).toContain(`${name}.json`);
    for (const file of files) expect(`${(await readJson("streams", file)).name}.json`).toBe(file);
  });

  test("have the same consumer for each lane and priority, and no other", async () => {
    const wanted = LEVELS.map((level) => `${levelConsumer(level)}.json`);
    expect((await readdir(join(CONSUMERS, TASKS_STREAM))).sort()).toEqual(wanted.sort());
    expect(wanted).toHaveLength(30);
    expect(await readdir(join(CONSUMERS, DLQ_STREAM))).toEqual([`${DLQ_MONITOR}.json`]);
  });

  test.each(LEVELS)(
    "agree about $lane p$priority: name, filter, time and bound of what is not acknowledged",
    async (level) => {
      const config = await readJson("consumers", TASKS_STREAM, `${levelConsumer(level)}.json`);
      expect(config).toMatchObject({
        durable_name: levelConsumer(level),
        filter_subject: levelFilter(level),
        ack_policy: "explicit",
        ack_wait: ACK_WAIT_MS * 1_000_000,
        max_ack_pending: LEVEL_ACK_PENDING_MAX,
        max_deliver: -1,
      });
      expect(config.backoff).toBeUndefined();
    },
  );

  test("give each subject one stream, and each task one consumer", async () => {
    const tasks: readonly string[] = (await readJson("streams", "TASKS.json")).subjects;
    const letters: readonly string[] = (await readJson("streams", "DLQ.json")).subjects;
    const into = (subjects: readonly string[], subject: string) =>
      subjects.some((filter) => matches(filter, subject));
    for (const type of ["simulate", "http.request", "a.b.c"])
      for (const level of LEVELS) {
        const subject = taskSubject(level, type);
        expect([into(tasks, subject), into(letters, subject)]).toEqual([true, false]);
        expect(LEVELS.filter((other) => matches(levelFilter(other), subject))).toEqual([level]);
      }
    for (const lane of ["short", "long"] as const) {
      expect(into(tasks, scheduleSubject(lane, 2 ** 53 - 1))).toBe(true);
      expect(LEVELS.filter((level) => matches(levelFilter(level), scheduleSubject(lane, 1)))).toEqual([]);
      expect(into(letters, deadLetterSubject(lane, "http.request"))).toBe(true);
    }
  });

  test("keep messages of TASKS until they are acknowledged, and let schedules fire", async () => {
    expect(await readJson("streams", "TASKS.json")).toMatchObject({
      retention: "workqueue",
      allow_msg_schedules: true,
      max_age: 0,
      storage: "file",
    });
  });
});
