import { describe, expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import * as limits from "@millrace/core/limits";

const LIMITS = Bun.resolveSync("@millrace/core/limits", import.meta.dir);
const bounds = Object.entries(limits);
const byName: Readonly<Record<string, number>> = Object.fromEntries(bounds);

test.each(bounds)("%s is a whole number that is not negative, or a share from 0 to 1", (name, value) => {
  const isRate = /_(RATE|SHARE|JITTER)(_|$)/.test(name) && value >= 0 && value <= 1;
  expect(Number.isSafeInteger(value) || isRate).toBe(true);
  expect(value).toBeGreaterThanOrEqual(0);
});

describe("every default lies between its minimum and its maximum", () => {
  const defaults = bounds.filter(([name]) => name.endsWith("_DEFAULT"));
  test.each(defaults)("%s", (name, value) => {
    const stem = name.slice(0, -"_DEFAULT".length);
    expect(value).toBeGreaterThanOrEqual(byName[`${stem}_MIN`] ?? 0);
    expect(value).toBeLessThanOrEqual(byName[`${stem}_MAX`] ?? Number.POSITIVE_INFINITY);
  });
});

test("no minimum is above its maximum", () => {
  const wrong = bounds.filter(([name, value]) => {
    const max = byName[name.replace(/_MIN$/, "_MAX")];
    return name.endsWith("_MIN") && max !== undefined && value > max;
  });
  expect(wrong).toEqual([]);
});

describe("bounds that contradict each other fail at import", () => {
  test.each([
    ["ACK_PROGRESS_MS", "15_000", "two progress signals"],
    ["PRIORITY_DEFAULT", "11", "priority default"],
    ["BATCH_TASKS_MAX", "50_001", "a full batch"],
    ["GROUP_WAITING_BYTES_MAX", "1", "a heavy group"],
  ])("%s = %s", async (name, value, relation) => {
    const folder = await mkdtemp(`${tmpdir()}/millrace-limits-`);
    await cp(dirname(LIMITS), folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
    const changes = await Promise.all(
      [...new Bun.Glob("limits/*.ts").scanSync({ cwd: folder, absolute: true })].map(async (path) => {
        const source = await Bun.file(path).text();
        const changed = source.replace(new RegExp(`(export const ${name} = )[^;]+`), `$1${value}`);
        await Bun.write(path, changed);
        return changed !== source;
      }),
    );
    expect(changes.filter(Boolean)).toHaveLength(1);
    try {
      await expect(import(`${folder}/limits.ts`)).rejects.toThrow(relation);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
