import type { Clock } from "./clock.ts";
import { DeadLettersClient } from "./dead-letters.ts";
import { EventsClient } from "./events.ts";
import { FilesClient } from "./files.ts";
import { BreakersClient, LimitsClient } from "./guards.ts";
import { QueuesClient } from "./queues.ts";
import { SchedulesClient } from "./schedules.ts";
import { expectShape, isReadiness } from "./shapes.ts";
import { TasksClient } from "./tasks.ts";
import { type CallOptions, type Credential, type Fetch, Transport } from "./transport.ts";
import type { Readiness } from "./types.ts";
import { WorkersClient } from "./workers.ts";

export interface ClientOptions {
  /** Where the API is: `http://127.0.0.1:8000`. */
  readonly baseUrl: string;
  /** One of `apiKey` and `accessToken`; without both, only `health` works. */
  readonly apiKey?: string | undefined;
  /** A token lasts minutes: give a function to have it asked for before each call. */
  readonly accessToken?: Credential | undefined;
  /** Instead of the global one. */
  readonly fetch?: Fetch | undefined;
  /** Of one try; 30 s when absent. */
  readonly timeoutMs?: number | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
  /** For tests: numbers in [0, 1). */
  readonly random?: (() => number) | undefined;
}

export interface Client {
  readonly tasks: TasksClient;
  readonly dlq: DeadLettersClient;
  readonly events: EventsClient;
  readonly files: FilesClient;
  readonly schedules: SchedulesClient;
  readonly queues: QueuesClient;
  readonly breakers: BreakersClient;
  readonly limits: LimitsClient;
  readonly workers: WorkersClient;
  /** What is up and what is down, by name. Down is an answer, not an error. */
  health(options?: CallOptions): Promise<Readiness>;
}

/**
 * A client of one Millrace API. It holds no connection and needs no closing.
 * @throws TypeError when the options make no sense
 */
export function createClient(options: ClientOptions): Client {
  const { apiKey, accessToken, ...rest } = options;
  if (apiKey !== undefined && accessToken !== undefined)
    throw new TypeError("give an apiKey or an accessToken, not both");
  const transport = new Transport({ ...rest, credential: apiKey ?? accessToken });
  return {
    tasks: new TasksClient(transport),
    dlq: new DeadLettersClient(transport),
    events: new EventsClient(transport),
    files: new FilesClient(transport),
    schedules: new SchedulesClient(transport),
    queues: new QueuesClient(transport),
    breakers: new BreakersClient(transport),
    limits: new LimitsClient(transport),
    workers: new WorkersClient(transport),
    health: async ({ signal } = {}) => {
      const call = { method: "GET", path: "/health/ready", isRepeatable: false, signal } as const;
      return expectShape(await transport.call({ ...call, alsoAnswers: [503] }), isReadiness);
    },
  };
}
