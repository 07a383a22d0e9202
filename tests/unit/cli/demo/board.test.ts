import { describe, expect, test } from "bun:test";
import { Board } from "@millrace/cli/demo/board";

function boardWith(columns: number | undefined) {
  const clock = { ms: 0 };
  const written: string[] = [];
  const board = new Board({ write: (text) => void written.push(text), columns, nowMs: () => clock.ms });
  return { board, clock, text: () => written.join("") };
}

describe("on a terminal", () => {
  test("progress takes the place of the last progress, and goes when a line comes", () => {
    const { board, text } = boardWith(80);
    board.progress("one");
    board.progress("two");
    board.line("done");
    expect(text()).toBe("\r\x1b[2K  one\r\x1b[2K  two\r\x1b[2Kdone\n");
  });

  test("progress never wraps, since a wrapped line could not be erased", () => {
    const { board, text } = boardWith(10);
    board.progress("x".repeat(50));
    expect(text()).toBe(`\r\x1b[2K  ${"x".repeat(7)}`);
  });
});

describe("without a terminal", () => {
  test("nothing is redrawn: progress is a line, at most one a second", () => {
    const { board, clock, text } = boardWith(undefined);
    board.progress("one");
    clock.ms = 999;
    board.progress("two");
    clock.ms = 1_000;
    board.progress("three");
    expect(text()).toBe("  one\n  three\n");
  });

  test("what is settled is always a line", () => {
    const { board, text } = boardWith(undefined);
    board.progress("one");
    board.settled("two");
    expect(text()).toBe("  one\n  two\n");
  });
});
