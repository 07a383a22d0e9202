import { describe, expect, test } from "bun:test";
import { readDedup, viewDedup } from "@millrace/api/tasks/read-dedup";
import { compiledTaskWish, type TaskWish } from "@millrace/api/tasks/task-wish";
import type { FieldProblem } from "@millrace/core";
import { DEBOUNCE_S_MAX, DEBOUNCE_WAIT_S_MAX, DEDUP_KEY_CHARS_MAX } from "@millrace/core/limits";

function read(wish: Partial<TaskWish>) {
  const errors: FieldProblem[] = [];
  const words = readDedup({ task_type: "sync", ...wish }, errors);
  return { words, paths: errors.map(({ path }) => path) };
}

describe("what is asked for", () => {
  test("who names no key has none", () => {
    expect(read({})).toEqual({ words: undefined, paths: [] });
    expect(viewDedup(undefined)).toEqual({ dedup: null, debounce: null });
  });

  test("a dedup key without a window is held until its task is finished", () => {
    const { words } = read({ dedup: { key: "k" } });
    expect(words).toEqual({ kind: "dedup", key: "k", window_s: null });
    expect(viewDedup(words)).toEqual({ dedup: { key: "k", window_seconds: null }, debounce: null });
  });

  test("a debounce key waits ten times its seconds at most, unless it says otherwise", () => {
    expect(read({ debounce: { key: "k", seconds: 3 } }).words).toMatchObject({ seconds: 3, max_wait_s: 30 });
    const longest = read({ debounce: { key: "k", seconds: DEBOUNCE_S_MAX } }).words;
    expect(longest).toMatchObject({ max_wait_s: DEBOUNCE_WAIT_S_MAX });
    const { words } = read({ debounce: { key: "k", seconds: 3, max_wait_seconds: 4 } });
    expect(viewDedup(words)).toEqual({
      dedup: null,
      debounce: { key: "k", seconds: 3, max_wait_seconds: 4 },
    });
  });
});

describe("what contradicts itself is refused by its name", () => {
  const debounce = { key: "k", seconds: 3 };
  test.each([
    [{ dedup: { key: "k" }, dependencies: ["a"] }, ["/dedup"]],
    [{ debounce, dependencies: ["a"] }, ["/debounce"]],
    [{ debounce, dedup: { key: "k" } }, ["/debounce"]],
    [{ debounce, delay: 1 }, ["/delay"]],
    [{ debounce, run_at: "2026-01-01T00:00:00Z", ttl: 5 }, ["/run_at", "/ttl"]],
    [{ debounce: { ...debounce, max_wait_seconds: 2 } }, ["/debounce/max_wait_seconds"]],
  ] as const)("%j", (wish, paths) => {
    expect(read(wish as Partial<TaskWish>).paths).toEqual([...paths]);
  });
});

describe("a key", () => {
  const takes = (key: unknown) => compiledTaskWish.Check({ task_type: "sync", dedup: { key } });

  test.each(["user:1", "a b", "https://example.org/?q=1", "x".repeat(DEDUP_KEY_CHARS_MAX)])(
    "%j is one",
    (key) => {
      expect(takes(key)).toBeTrue();
    },
  );

  test.each(["", " a", "a ", "a\nb", "a\u0000b", "ü", "x".repeat(DEDUP_KEY_CHARS_MAX + 1), 7, null])(
    "%j is none",
    (key) => {
      expect(takes(key)).toBeFalse();
    },
  );

  test.each([
    { dedup: { key: "k", window_seconds: 0 } },
    { dedup: { key: "k", window_seconds: 1.5 } },
    { dedup: { key: "k", mode: "x" } },
    { debounce: { key: "k" } },
    { debounce: { key: "k", seconds: 0.9 } },
    { debounce: { key: "k", seconds: DEBOUNCE_S_MAX + 1 } },
  ])("%j is refused", (wrong) => {
    expect(compiledTaskWish.Check({ task_type: "sync", ...wrong })).toBeFalse();
  });
});
