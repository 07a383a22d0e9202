/** The `millrace` command: finds the file in commands/ that the first argument names, and runs it. */
import { join } from "node:path";
import { likeliestWord } from "@millrace/core/edit-distance";
import type { CommandInput } from "./command.ts";
import { commandNames, findCommand } from "./find-command.ts";
import manifest from "./package.json" with { type: "json" };
import { terminalOf } from "./shell/terminal.ts";
import { writerTo } from "./shell/writer.ts";

const CALLED_WRONGLY = 2;

async function main(args: readonly string[], shell: Omit<CommandInput, "args">): Promise<number> {
  const [name = "--help", ...rest] = args;
  if (name === "--version" || name === "-v") {
    shell.say(`millrace ${manifest.version}, bun ${Bun.version}`);
    return 0;
  }
  if (name === "--help" || name === "-h" || name === "help") {
    shell.say(await listCommands());
    return 0;
  }
  const command = await findCommand(name);
  if (command === undefined) {
    const meant = likeliestWord(name, commandNames());
    const advice = meant === undefined ? `\n\n${await listCommands()}` : ` Did you mean ${meant}?`;
    shell.complain(`There is no command ${JSON.stringify(name)}.${advice}`);
    return CALLED_WRONGLY;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    shell.say(`${command.summary}\n\nUsage: ${`millrace ${name} ${command.usage}`.trimEnd()}`);
    return 0;
  }
  return command.run({ ...shell, args: rest });
}

async function listCommands(): Promise<string> {
  const lines = await Promise.all(
    commandNames().map(async (name) => `  ${name.padEnd(12)} ${(await findCommand(name))?.summary ?? ""}`),
  );
  return [
    "Usage: millrace <command> [arguments]",
    "",
    ...lines,
    "",
    "millrace <command> --help says more; millrace --version says which this is.",
  ].join("\n");
}

const closed = new AbortController();
const writeOut = writerTo(process.stdout, () => closed.abort(new Error("nobody reads the output")));
const writeError = writerTo(process.stderr);
process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  projectFolder: join(import.meta.dirname, "../.."),
  say: (line) => writeOut(`${line}\n`),
  complain: (line) => writeError(`${line}\n`),
  terminal: terminalOf(process, closed.signal),
});
