import type { Terminal } from "../command.ts";

type Streams = Pick<NodeJS.Process, "stdin" | "stdout" | "env">;

export function terminalOf({ stdin, stdout, env }: Streams, isClosed: AbortSignal): Terminal {
  return {
    isColoured: stdout.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb",
    isTypedInto: stdin.isTTY === true,
    isClosed,
  };
}
