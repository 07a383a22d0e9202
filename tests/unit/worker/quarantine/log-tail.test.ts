import { expect, test } from "bun:test";
import { LogTail } from "@millrace/worker/quarantine/log-tail";

const bytes = (text: string) => new TextEncoder().encode(text);

test("what fits is kept as it is", () => {
  const tail = new LogTail(20);
  for (const line of ["one\n", "two\n", "three"]) tail.add(bytes(line));
  expect(tail.text()).toBe("one\ntwo\nthree");
});

test("of more than fits the end is kept, from the beginning of a line, and it says what is missing", () => {
  const tail = new LogTail(20);
  for (let line = 0; line < 1_000; line += 1) tail.add(bytes(`line ${line}\n`));
  const [first, ...rest] = tail.text().split("\n");
  expect(first).toContain("8870 bytes");
  expect(rest).toEqual(["line 998", "line 999", ""]);
});

test("one line that is longer than all keeps its end", () => {
  const tail = new LogTail(4);
  tail.add(bytes("0123456789"));
  expect(tail.text()).toEndWith("\n6789");
});

test("a character that was cut in half harms nobody", () => {
  const tail = new LogTail(5);
  tail.add(bytes("ääää"));
  expect(tail.text()).toEndWith("ää");
});
