import { availableParallelism } from "node:os";

/** One of the project's own processes. */
export interface Service {
  readonly name: string;
  /** From the root of the project. */
  readonly entry: string;
  /** The variable that tells it where to listen: its API, or its health and metrics. */
  readonly portVariable: "API_PORT" | "HEALTH_PORT";
  /** Where it listens if nobody says otherwise. */
  readonly port: number;
  /** Of the process, unless the person has set it. */
  readonly env?: Readonly<Record<string, string>>;
}

const SEARCHES_AT_ONCE_MAX = 3;

/** One core stays free: with two cores and three searches, tasks ran at half their rate; with one, at all of it. */
function searchesAtOnce(): number {
  return Math.max(1, Math.min(SEARCHES_AT_ONCE_MAX, availableParallelism() - 1));
}

/** Every service of the stack, in the order in which they are started and stopped. The first one takes work in. */
export const SERVICES: readonly Service[] = [
  {
    ...{ name: "api", entry: "apps/api/main.ts", portVariable: "API_PORT", port: 8000 },
    // PostgreSQL shares these cores: who searches takes what the intake and the tasks leave, and never all of them.
    env: { EVENT_QUERY_NICE: "10", EVENT_QUERIES_AT_ONCE: String(searchesAtOnce()) },
  },
  { name: "recorder", entry: "apps/recorder/main.ts", portVariable: "HEALTH_PORT", port: 8083 },
  { name: "scheduler", entry: "apps/scheduler/main.ts", portVariable: "HEALTH_PORT", port: 8081 },
  {
    ...{ name: "worker", entry: "apps/worker/main.ts", portVariable: "HEALTH_PORT", port: 8082 },
    // Images leave much less memory behind: see apps/worker/files/README.md.
    env: { MALLOC_ARENA_MAX: "1" },
  },
];
