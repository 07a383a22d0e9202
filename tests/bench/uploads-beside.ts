/**
 * What ten uploads of three users, and their processing by two threads, do to everybody else: the times of small requests
 * meanwhile, beside those of the same stack when it has nothing else to do. The senders run on the same cores: what they
 * alone do shows when they send to a bare server beside the stack.
 */
import { join } from "node:path";
import { percentile } from "../support/http-load.ts";
import { scratch } from "../support/scratch.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";
import { startBareServer } from "./bare.ts";

const MIB = 1024 * 1024;
const SIZE = 100 * MIB;
const SENDERS = 10;
/** Bytes per second of each sender: together what a line of 1 Gbit/s carries. */
const PACE = 11_000_000;
const UNBOUND = 1e12;
const PROBES = 4;
const PAUSE_MS = 8;
const IDLE_MS = 10_000;
const ROUNDS = 3;
const LINE = "The quick brown fox jumps over the lazy dog, 12345 times!\n";

export async function benchBeside(say: (line: string) => void): Promise<void> {
  const stack = await startTaskStack({
    ...{ MAX_FILE_WORKERS: "2", LOG_LEVEL: "WARNING", USER_UPLOADS_PER_MINUTE: "1000" },
    ...{ USER_FILES_MAX: "1000", USER_FILE_BYTES_MAX: String(100 * 1024 ** 3) },
  });
  const bare = await startBareServer();
  try {
    const path = join((await scratch()).folder("bench"), "100-mb.txt");
    await Bun.write(path, Buffer.alloc(SIZE, LINE));
    const tokens = await Promise.all(["a", "b", "c"].map((name) => stack.signUp(`${name}@example.org`)));
    await stack.submit({ task_id: "looked-at", task_type: "simulate", payload: { duration_ms: 1 } });
    await probe(stack, until(Bun.sleep(3_000))); // Warms the compilers.
    const idle = await probe(stack, until(Bun.sleep(IDLE_MS)));
    const paced: number[] = [];
    const processing: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      paced.push(
        ...(await probe(stack, until(sendAll({ url: stack.apiUrl }, { path, tokens, pace: PACE })))),
      );
      processing.push(...(await probe(stack, until(processed(stack)))));
    }
    const [pushed, elsewhere]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const sending = { path, tokens, pace: UNBOUND };
      elsewhere.push(...(await probe(stack, until(sendAll(bare, sending)))));
      pushed.push(...(await probe(stack, until(sendAll({ url: stack.apiUrl }, sending)))));
      await processed(stack);
    }
    say(`GET of a task, nothing else: p99 ${p99Of(idle).toFixed(1)} ms`);
    report(say, `ten uploads at ${PACE / 1e6} MB/s each`, [paced, idle]);
    report(say, "two threads process them", [processing, idle]);
    report(say, "ten uploads as fast as they go", [pushed, idle]);
    report(say, "the same ten, into a bare server beside", [elsewhere, idle]);
  } finally {
    bare.stop();
    await stack.close();
  }
}

type Times = readonly number[];

function p99Of(times: Times): number {
  return percentile(Float64Array.from(times).sort(), 0.99);
}

function report(say: (line: string) => void, what: string, [times, idle]: readonly [Times, Times]): void {
  const [p99, idleP99] = [p99Of(times), p99Of(idle)];
  say(`  ${what}: p99 ${p99.toFixed(1)} ms, ${(p99 / idleP99).toFixed(1)} x; ${times.length} requests`);
}

/** True until the work has ended, well or not. */
function until(work: Promise<unknown>): { readonly isOn: () => boolean; readonly work: Promise<unknown> } {
  let isOn = true;
  const ended = work.finally(() => {
    isOn = false;
  });
  return { isOn: () => isOn, work: ended };
}

/** Milliseconds that each of the requests took that were made meanwhile. */
async function probe(stack: TaskStack, { isOn, work }: ReturnType<typeof until>): Promise<Times> {
  const times: number[] = [];
  const ask = async (): Promise<void> => {
    while (isOn()) {
      const startedMs = performance.now();
      await stack.show("looked-at");
      times.push(performance.now() - startedMs);
      await Bun.sleep(PAUSE_MS);
    }
  };
  await Promise.all([work, ...Array.from({ length: PROBES }, ask)]);
  return times;
}

interface Sending {
  readonly path: string;
  readonly tokens: readonly string[];
  readonly pace: number;
}

async function sendAll({ url }: { readonly url: string }, { path, tokens, pace }: Sending): Promise<void> {
  const ten = Array.from({ length: SENDERS }, (_, index) => tokens[index % tokens.length] ?? "");
  const script = join(import.meta.dirname, "paced-senders.ts");
  const args = [script, url, String(pace), path, ...ten];
  const senders = Bun.spawn([process.execPath, ...args], {
    ...{ stdout: "ignore", stderr: "inherit" },
    detached: true, // Of no session with who asks: they stand for other machines.
  });
  if ((await senders.exited) !== 0) throw new Error("an upload failed");
}

async function processed({ sql }: TaskStack): Promise<void> {
  while ((await sql`select 1 from open_tasks limit 1`).length > 0) await Bun.sleep(100);
}
