import { up } from "@millrace/stack";
import type { Command } from "../command.ts";

export const command: Command = {
  summary: "Start everything: NATS, PostgreSQL and the services, until Ctrl-C",
  usage: "",
  takes: {},
  async run({ args, env, projectFolder, say, complain }) {
    if (args.length > 0) {
      complain(`up takes no arguments, but was given ${args.join(" ")}; it is configured by the environment`);
      return 2;
    }
    return up({ env, projectFolder, say });
  },
};
