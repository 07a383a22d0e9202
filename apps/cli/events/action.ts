import type { Client } from "@millrace/client";
import type { CommandInput } from "../command.ts";

/** One word after `millrace events`. Returns the exit status. */
export type Action = (events: Client["events"], input: CommandInput) => Promise<number>;
