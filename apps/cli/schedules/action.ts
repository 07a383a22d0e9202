import type { Client } from "@millrace/client";
import type { CommandInput } from "../command.ts";

/** One word after `millrace schedules`. Returns the exit status. */
export type Action = (
  schedules: Client["schedules"],
  input: Pick<CommandInput, "args" | "say">,
) => Promise<number>;
