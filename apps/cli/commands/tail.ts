import type { Command } from "../command.ts";
import { TAIL_OPTIONS, tail } from "../events/tail.ts";
import { withClient } from "../shell/with-client.ts";

export const command: Command = {
  summary: "Watch events as they come in",
  usage: `[options]

  --type T, --source S, --level L   only these
  --q TEXT                          whose message has this in it
  --limit N                         end after so many
  --json                            one event a line, as the API sends it

The same as millrace events tail. Ctrl-C ends it.`,
  takes: { options: TAIL_OPTIONS },
  run: (input) => withClient(input, ({ events }) => tail(events, input)),
};
