import { expect, test } from "bun:test";
import { formatExample, readConfig, VARIABLES } from "@millrace/config";

const file = await Bun.file(`${import.meta.dir}/../../../.env.example`).text();

/** Every `NAME=value` line, commented out or not. */
function assignments(text: string): Record<string, string> {
  const lines = [...text.matchAll(/^# ([A-Z0-9_]+)=(.*)$/gm)];
  return Object.fromEntries(lines.map(([, name, value]) => [name, value]));
}

test(".env.example says what the table says: bun packages/config/example.ts > .env.example", () => {
  expect(file).toBe(formatExample());
});

test("every variable stands in .env.example, and nothing else does", () => {
  const ours = Object.values(VARIABLES).map((variable) => variable.name);
  expect(Object.keys(assignments(file)).sort()).toEqual(ours.sort());
});

test("using every line of .env.example changes nothing", () => {
  expect(readConfig(assignments(file))).toEqual(readConfig({}));
});
