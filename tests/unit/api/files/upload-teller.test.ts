import { expect, test } from "bun:test";
import { HeardFiles } from "@millrace/api/files/live-files";
import { UploadTeller } from "@millrace/api/files/upload-teller";
import { PROGRESS_TASKS_MAX } from "@millrace/core/limits";
import type { LiveFile } from "@millrace/protocol";

/** A clock that stands until the test moves it. */
function tellerWithClock(size: number | null) {
  const told: LiveFile[] = [];
  const live = { tell: (_: string, one: LiveFile) => void told.push(one) };
  let nowMs = 0;
  let due: { readonly atMs: number; readonly call: () => void } | undefined;
  const clock = {
    nowMs: () => nowMs,
    after: (delayMs: number, call: () => void) => {
      due = { atMs: nowMs + delayMs, call };
      return () => {
        due = undefined;
      };
    },
  };
  const advance = (ms: number) => {
    nowMs += ms;
    if (due !== undefined && due.atMs <= nowMs) due.call();
  };
  return { told, advance, teller: new UploadTeller(live, { fileId: "f", size, offset: 5 }, clock) };
}

test("a thousand chunks in a second are told four times, and the end in any case", () => {
  const { told, advance, teller } = tellerWithClock(2_000);
  for (let count = 0; count < 1_000; count++) {
    teller.received(1);
    advance(1);
  }
  expect(told.map(({ uploaded }) => uploaded)).toEqual([6, 255, 505, 755, 1_005]);
  teller.end("expired");
  expect(told.at(-1)).toEqual({ v: 1, uploaded: 1_005, size: 2_000, state: "expired" });
});

test("the last bytes before a sender stops are told as well, and nothing after the end", () => {
  const { told, advance, teller } = tellerWithClock(null);
  teller.received(1);
  teller.received(1);
  expect(told.map(({ uploaded }) => uploaded)).toEqual([6]);
  advance(250);
  expect(told.map(({ uploaded }) => uploaded)).toEqual([6, 7]);
  teller.received(1);
  teller.end("uploaded");
  advance(1_000);
  expect(told.map(({ state }) => state)).toEqual(["uploading", "uploading", "uploaded"]);
});

test("a file that has arrived has the size of what arrived, whatever was declared", () => {
  const { told, teller } = tellerWithClock(null);
  teller.received(7);
  teller.end("uploaded");
  expect(told.at(-1)).toEqual({ v: 1, uploaded: 12, size: 12, state: "uploaded" });
});

test("what is heard of an upload is known until its end, and watchers hear all of it until they leave", () => {
  const files = new HeardFiles();
  const heard: number[] = [];
  const unwatch = files.watch("a", ({ uploaded }) => void heard.push(uploaded));
  files.hear("a", { v: 1, uploaded: 1, size: null, state: "uploading" });
  files.hear("b", { v: 1, uploaded: 9, size: null, state: "uploading" });
  expect(files.heard("a")?.uploaded).toBe(1);
  files.hear("a", { v: 1, uploaded: 2, size: 2, state: "uploaded" });
  expect(files.heard("a")).toBeUndefined();
  unwatch();
  unwatch();
  files.hear("a", { v: 1, uploaded: 3, size: null, state: "uploading" });
  expect(heard).toEqual([1, 2]);
});

test("of more uploads than are remembered, the one that was silent for longest is forgotten", () => {
  const files = new HeardFiles();
  for (let count = 0; count <= PROGRESS_TASKS_MAX; count++)
    files.hear(String(count), { v: 1, uploaded: count, size: null, state: "uploading" });
  expect(files.heard("0")).toBeUndefined();
  expect(files.heard("1")?.uploaded).toBe(1);
});
