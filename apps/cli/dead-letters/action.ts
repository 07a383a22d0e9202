import type { Client } from "@millrace/client";
import type { CommandInput } from "../command.ts";

/** One word after `millrace dlq`. Returns the exit status. */
export type Action = (dlq: Client["dlq"], input: Pick<CommandInput, "args" | "say">) => Promise<number>;
