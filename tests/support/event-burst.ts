import { openPool, type Sql } from "@millrace/store";
import type { Dice } from "./dice.ts";
import { onceItAnswers } from "./retrying.ts";
import { type RunFile, type RunningStack, untilTrue } from "./running-stack.ts";

/**
 * The story of a burst: clients push events through the api as fast as it takes them, and repeat what was not answered
 * with 202; meanwhile processes are killed with -9. It ends when everything is stored, and counts.
 */
export interface BurstWish {
  readonly events: number;
  readonly dice: Dice;
  /** How long everything may take. */
  readonly deadlineMs: number;
}

export interface BurstReport {
  readonly accepted: number;
  readonly stored: number;
  /** Events stored more than once. */
  readonly duplicates: number;
  /** Of `GET /api/ledger`. */
  readonly ledger: {
    readonly isEven: boolean;
    readonly unaccounted: number;
    readonly accepted: number;
    readonly stored: number;
    readonly deduplicated: number;
  };
  /** Answers and failures that made clients repeat a request, by kind. */
  readonly repeated: Readonly<Record<string, number>>;
  readonly killed: readonly string[];
  /** Until the last 202, and until the last event was stored. */
  readonly acceptedSeconds: number;
  readonly storedSeconds: number;
}

const EVENTS_PER_REQUEST = 1_000;
const CLIENTS = 6;
const PAUSE_MS = 50;
const RESTARTED_MS = 60_000;

/** At which share of all events who is killed. */
const KILLS: readonly (readonly [share: number, name: string])[] = [
  [0.08, "recorder"],
  [0.22, "recorder"],
  [0.36, "nats"],
  [0.48, "recorder"],
  [0.6, "postgres"],
  [0.72, "recorder"],
  [0.88, "recorder"],
];

export async function runBurst(stack: RunningStack, wish: BurstWish): Promise<BurstReport> {
  const run = await stack.run();
  const sql = openPool({ url: run.database_url, max: 2, applicationName: "test-burst" });
  const startedMs = performance.now();
  const secondsSince = (): number => (performance.now() - startedMs) / 1_000;
  try {
    const clients = new BurstClients(run, wish.events, startedMs + wish.deadlineMs);
    const pushing = clients.push();
    const [killed] = await Promise.all([killOnTheWay(stack, clients, wish.dice), pushing]);
    const acceptedSeconds = secondsSince();
    const leftMs = wish.deadlineMs - (performance.now() - startedMs);
    await untilTrue(async () => (await countStored(sql)) >= clients.accepted, leftMs, "everything is stored");
    const storedSeconds = secondsSince();
    const [counted] = await sql<{ stored: number; different: number }[]>`
      select count(*)::integer as stored, count(distinct id)::integer as different from events where type = 'burst'`;
    const { stored, different } = counted ?? { stored: 0, different: 0 };
    return {
      ...{ accepted: clients.accepted, stored, duplicates: stored - different, killed },
      ...{ ledger: await evenLedger(stack), repeated: clients.repeated, acceptedSeconds, storedSeconds },
    };
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Several clients, each with one request at a time, that want each of their events taken once. */
class BurstClients {
  accepted = 0;
  /** They go no further than this share before the next one is killed: each dies while events come in. */
  shareMax = 1;
  readonly repeated: Record<string, number> = {};
  readonly #run: RunFile;
  readonly #requests: number;
  readonly #deadlineMs: number;
  #next = 0;

  constructor(run: RunFile, events: number, deadlineMs: number) {
    this.#run = run;
    this.#requests = Math.ceil(events / EVENTS_PER_REQUEST);
    this.#deadlineMs = deadlineMs;
  }

  get share(): number {
    return this.accepted / (this.#requests * EVENTS_PER_REQUEST);
  }

  async push(): Promise<void> {
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        while (this.#next < this.#requests) {
          if (this.#next < this.shareMax * this.#requests) await this.#sendAnyhow(this.#next++);
          else await Bun.sleep(PAUSE_MS);
        }
      }),
    );
  }

  /** The same request with the same key, until it is answered with 202. */
  async #sendAnyhow(request: number): Promise<void> {
    const body = bodyOf(request);
    for (;;) {
      const problem = await this.#send(request, body);
      if (problem === undefined) return;
      this.repeated[problem] = (this.repeated[problem] ?? 0) + 1;
      if (performance.now() > this.#deadlineMs) throw new Error(`request ${request}: ${problem}`);
      await Bun.sleep(PAUSE_MS);
    }
  }

  /** @returns why it must be sent again. Throws what no repetition heals. */
  async #send(request: number, body: string): Promise<string | undefined> {
    const { api_url: url, api_key: key } = this.#run;
    const headers = {
      Authorization: `Bearer ${key}`,
      "Content-Type": "application/x-ndjson",
      "Idempotency-Key": `burst-${request}`,
    };
    let response: Response;
    try {
      response = await fetch(`${url}/api/events`, { method: "POST", headers, body });
    } catch (error) {
      return `connection: ${error instanceof Error && "code" in error ? error.code : error}`;
    }
    const text = await response.text().catch(() => "");
    if (response.status === 503) return `503 ${JSON.parse(text).code}`;
    if (response.status !== 202)
      throw new Error(`request ${request}: ${response.status} ${text.slice(0, 500)}`);
    const answer: { accepted: number; rejected: unknown[] } = JSON.parse(text);
    if (answer.accepted !== EVENTS_PER_REQUEST) throw new Error(`request ${request}: ${text.slice(0, 500)}`);
    this.accepted += answer.accepted;
    return undefined;
  }
}

/** About 190 bytes each; the id says which event it is. */
function bodyOf(request: number): string {
  const timestamp = new Date().toISOString();
  let body = "";
  for (let n = 0; n < EVENTS_PER_REQUEST; n++)
    body += `{"timestamp":"${timestamp}","type":"burst","id":"${request}-${n}","level":"info","source":"client-${request % 8}","message":"GET /products/${n} 200 in ${n % 97} ms","attributes":{"path":"/products/${n}","status":200}}\n`;
  return body;
}

async function killOnTheWay(
  stack: RunningStack,
  clients: BurstClients,
  dice: Dice,
): Promise<readonly string[]> {
  const killed: string[] = [];
  for (const [share, name] of KILLS) {
    const moment = share + dice.throw() * 0.08;
    clients.shareMax = moment + 0.03;
    while (clients.share < moment) await Bun.sleep(5);
    const pid = await stack.pidOf(name);
    process.kill(pid, "SIGKILL");
    killed.push(name);
    clients.shareMax = 1;
    await untilTrue(
      async () => (await stack.run()).processes.some((one) => one.name === name && one.pid !== pid),
      RESTARTED_MS,
      `another ${name}`,
    );
  }
  return killed;
}

async function countStored(sql: Sql): Promise<number> {
  return await onceItAnswers(async () => {
    const [row] = await sql<
      { events: number }[]
    >`select coalesce(sum(stored), 0)::bigint as events from event_batches`;
    return row?.events ?? 0;
  });
}

interface Ledger {
  readonly is_even: boolean;
  readonly in_flight_messages: number;
  readonly unaccounted_events: number;
  readonly minutes: readonly Readonly<Record<"accepted" | "stored" | "deduplicated", number>>[];
}

/** Once nothing is in flight any more. */
async function evenLedger(stack: RunningStack): Promise<BurstReport["ledger"]> {
  let ledger: Ledger | undefined;
  await untilTrue(
    async () => {
      const { status, body } = await stack.call("GET", "/api/ledger");
      if (status === 200) ledger = body;
      return status === 200 && body.in_flight_messages === 0;
    },
    RESTARTED_MS,
    "nothing is in flight",
  );
  const { is_even: isEven = false, unaccounted_events: unaccounted = -1, minutes = [] } = ledger ?? {};
  const sum = (field: keyof Ledger["minutes"][number]): number =>
    minutes.reduce((total, minute) => total + minute[field], 0);
  return {
    isEven,
    unaccounted,
    accepted: sum("accepted"),
    stored: sum("stored"),
    deduplicated: sum("deduplicated"),
  };
}
