import { expect, test } from "bun:test";
import { Harvest, type Part } from "@millrace/api/events/harvest";
import { takeLines } from "@millrace/api/events/take-lines";
import { timeBoundsAt } from "@millrace/api/events/time-bounds";
import { EVENTS_MESSAGE_BYTES_MAX, EVENTS_RECORDS_MAX } from "@millrace/core/limits";
import fc from "fast-check";

const times = timeBoundsAt(Date.UTC(2026, 0, 15));
const line = (size: number) => JSON.stringify({ type: "t", message: "m", pad: "x".repeat(size) });

function reap(blocks: readonly string[]): { parts: readonly Part[]; harvest: Harvest } {
  const harvest = new Harvest();
  const parts: Part[] = [];
  for (const block of blocks) {
    takeLines(Buffer.from(block), harvest, times);
    parts.push(...harvest.takeFull());
  }
  const rest = harvest.finish();
  return { parts: rest === undefined ? parts : [...parts, rest], harvest };
}

const textOf = ({ runs }: Part) => runs.map((run) => Buffer.from(run).toString()).join("\n");

test("the same lines give the same parts, in whatever blocks they come", () => {
  const record = fc.oneof(fc.nat(60_000).map(line), fc.constant("bad"), fc.constant(""));
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 80 }), fc.nat(), (lines, seed) => {
      const blocks: string[] = [];
      for (let at = 0; at < lines.length; ) {
        const count = 1 + ((seed * 31 + at * 17) % 9);
        blocks.push(`${lines.slice(at, at + count).join("\n")}\n`);
        at += count;
      }
      const whole = reap([lines.join("\n")]);
      const split = reap(blocks);
      expect(split.parts.map(textOf)).toEqual(whole.parts.map(textOf));
      expect(split.harvest.rejections).toEqual(whole.harvest.rejections);
      const records = lines.filter((each) => each !== "");
      expect(whole.parts.map(textOf).join("\n")).toBe(records.filter((each) => each !== "bad").join("\n"));
      for (const part of whole.parts) expect(part.bytes).toBeLessThanOrEqual(EVENTS_MESSAGE_BYTES_MAX);
      const refused = whole.parts.reduce((sum, { rejected }) => sum + rejected, 0);
      if (whole.parts.length > 0) expect(refused).toBe(whole.harvest.rejectedTotal);
      expect(whole.parts.at(-1)?.nextIndex ?? records.length).toBe(records.length);
    }),
    { numRuns: 60 },
  );
});

test("lines that stand together are one slice, not copies", () => {
  const block = Buffer.from(Array.from({ length: 100 }, () => line(10)).join("\n"));
  const harvest = new Harvest();
  takeLines(block, harvest, times);
  const part = harvest.finish();
  expect(part?.runs).toHaveLength(1);
  expect(part?.runs[0]?.buffer).toBe(block.buffer);
  expect(part?.events).toBe(100);
});

test("a request has a bound of records, refused ones included", () => {
  const harvest = new Harvest();
  const block = Buffer.from("x\n".repeat(EVENTS_RECORDS_MAX + 1));
  expect(() => takeLines(block, harvest, times)).toThrow(expect.objectContaining({ code: "BODY_TOO_LARGE" }));
  expect(harvest.rejections).toHaveLength(10_000);
  expect(harvest.rejectedTotal).toBe(EVENTS_RECORDS_MAX);
});
