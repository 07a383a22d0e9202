import { join } from "node:path";
import { scratch } from "../support/scratch.ts";

export interface BareServer {
  readonly url: string;
  stop(): void;
}

/** What `bare-server.ts` is, in a session of its own, as every service has one: Linux shares the cores between those first. */
export async function startBareServer(): Promise<BareServer> {
  const { folder, remember } = await scratch();
  const child = Bun.spawn([process.execPath, join(import.meta.dirname, "bare-server.ts"), folder("bare")], {
    stdout: "pipe",
    stderr: "inherit",
    detached: true,
  });
  remember("bare", child.pid);
  const { value } = await child.stdout.getReader().read();
  return { url: new TextDecoder().decode(value).trim(), stop: () => child.kill() };
}
