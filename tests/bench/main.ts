/** `bun run bench [name …]`: the measurements that the README quotes. Give it the machine for itself. */
import { availableParallelism } from "node:os";
import { benchDisk } from "./disk.ts";
import { benchEvents } from "./events.ts";
import { benchEventsBurst } from "./events-burst.ts";
import { benchEventsQuery } from "./events-query.ts";
import { benchFiles } from "./files.ts";
import { benchFleet } from "./fleet.ts";
import { benchLimits } from "./limits.ts";
import { benchStore } from "./store.ts";
import { benchTasks } from "./tasks.ts";
import { benchUploads } from "./uploads.ts";
import { benchBeside } from "./uploads-beside.ts";

const BENCHES: Readonly<Record<string, (say: (line: string) => void) => Promise<void>>> = {
  store: benchStore,
  events: benchEvents,
  "events-query": benchEventsQuery,
  "events-burst": benchEventsBurst,
  tasks: benchTasks,
  limits: benchLimits,
  files: benchFiles,
  uploads: benchUploads,
  "uploads-beside": benchBeside,
  fleet: benchFleet,
  disk: benchDisk,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(
    `no such bench: ${unknown.join(", ")}; there are: ${Object.keys(BENCHES).join(", ")}\n`,
  );
  process.exit(2);
}
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(`${availableParallelism()} cores, load and servers together, ${new Date().toISOString().slice(0, 10)}`);
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  say(`\n${name}`);
  await bench((line) => say(`  ${line}`));
}
process.exit(0);
