import type { Client } from "@millrace/client";
import type { CommandInput } from "../command.ts";

/** One word after `millrace files`. Returns the exit status. */
export type Action = (files: Client["files"], input: CommandInput) => Promise<number>;
