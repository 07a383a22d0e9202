import type { Command } from "../command.ts";
import { bashCompletion } from "../completion/bash.ts";
import { fishCompletion } from "../completion/fish.ts";
import { readPlaces } from "../completion/read-tree.ts";
import { zshCompletion } from "../completion/zsh.ts";
import { chooseAction } from "../shell/choose-action.ts";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments, UsageError } from "../shell/read-arguments.ts";
import { describeFailure } from "../shell/with-client.ts";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export const command: Command = {
  summary: "Print what completes this command in your shell",
  usage: `bash|zsh|fish

  Now:      eval "$(millrace completion bash)", or: source <(millrace completion zsh),
            or: millrace completion fish | source
  For good: the first lines of what it prints say where to put it

It completes a command named millrace; from a clone: alias millrace='bun run --silent millrace'`,
  takes: { values: { "": Object.keys(SHELLS) } },
  async run({ args, say, complain }) {
    try {
      const { positionals: rest } = readArguments(args, {});
      const write = chooseAction("completion", rest[0] ?? "", SHELLS);
      positionals(rest, ["<shell>"]);
      say(write(await readPlaces()).trimEnd());
      return EXIT.done;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const { message, status } = describeFailure(error);
      complain(message);
      return status;
    }
  },
};
