import { expect, test } from "bun:test";
import { commandNames, findCommand } from "@millrace/cli/find-command";
import type { Grammar } from "@millrace/cli/grammar";

function optionsOf({ options = {}, actions = {} }: Grammar): readonly string[] {
  return [...Object.keys(options), ...Object.values(actions).flatMap(optionsOf)];
}

test.each([...commandNames()])("%s takes what its help tells, and tells what it takes", async (name) => {
  const command = await findCommand(name);
  if (command === undefined) throw new Error(`${name} is no command`);
  const { usage, takes } = command;
  // Other programs' options stand in examples.
  const [help = ""] = usage.split("\nExample");
  const told = [...help.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, option]) => option);
  const options = new Set(optionsOf(takes));
  if (name !== "completion") expect(new Set(told)).toEqual(options);
  for (const action of Object.keys(takes.actions ?? {})) expect(usage).toContain(action);
});
