import { isHostOrBlock } from "./hosts.ts";
import { boolean, integer, list } from "./kinds.ts";

/** What tasks may do to the worker that runs them, and reach from it. */
export const taskTypes = {
  quarantineMemoryMib: integer({
    name: "QUARANTINE_MEMORY",
    about: "MiB of memory that a task may take that runs alone because workers died with it (Linux).",
    default: 1_024,
    min: 128,
    max: 1_048_576,
  }),
  simulateAllowCrash: boolean({
    name: "SIMULATE_ALLOW_CRASH",
    about: "Whether simulate tasks with `crash` may kill their worker process; for drills.",
    default: false,
  }),
  httpAllowHosts: list({
    name: "HTTP_ALLOW_HOSTS",
    about: "What http.request tasks may call although it is private.",
    default: [],
    expects: "host names, addresses or blocks such as 10.1.0.0/16",
    itemsMax: 100,
    isItem: isHostOrBlock,
  }),
};
