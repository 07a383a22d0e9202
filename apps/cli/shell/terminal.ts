import { once } from "node:events";
import type { Terminal } from "../command.ts";

type Streams = Pick<NodeJS.Process, "stdin" | "stdout" | "env">;

export function terminalOf({ stdin, stdout, env }: Streams, isClosed: AbortSignal): Terminal {
  return {
    isColoured: stdout.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb",
    isTypedInto: stdin.isTTY === true,
    isClosed,
    drained: async () => {
      if (!stdout.writableNeedDrain) return;
      // Nothing to wait for when the reader has left: what follows is dropped.
      await once(stdout, "drain", { signal: isClosed }).catch(() => {});
    },
  };
}
