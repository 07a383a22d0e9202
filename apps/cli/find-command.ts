import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "./command.ts";

const FOLDER = join(import.meta.dirname, "commands");

/** The names of all commands, in alphabetical order. */
export function commandNames(folder = FOLDER): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

/** Loads one command, and no other: `millrace get` need not load what `millrace up` needs. */
export async function findCommand(name: string, folder = FOLDER): Promise<Command | undefined> {
  if (!commandNames(folder).includes(name)) return undefined;
  const loaded: { command?: unknown } = await import(join(folder, `${name}.ts`));
  if (!isCommand(loaded.command)) throw new Error(`commands/${name}.ts exports no command`);
  return loaded.command;
}

function isCommand(value: unknown): value is Command {
  if (typeof value !== "object" || value === null) return false;
  const { summary, usage, takes, run } = value as Partial<Record<keyof Command, unknown>>;
  return (
    typeof summary === "string" &&
    typeof usage === "string" &&
    typeof takes === "object" &&
    typeof run === "function"
  );
}
