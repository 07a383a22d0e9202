import {
  ABORT_GRACE_MS,
  ALONE_LOG_BYTES_MAX,
  ALONE_MEMORY_LOOK_MS,
  ALONE_START_MS_MAX,
  ALONE_WORD_MS_MAX,
} from "@millrace/core/limits";
import { AttemptAborted, type RunEnd } from "../run-attempt.ts";
import { type AloneNews, type AloneOrder, type AloneRunOrder, isAloneNews } from "./alone-messages.ts";
import { LogTail } from "./log-tail.ts";
import { offerToKernel, readMemoryBytes } from "./process-memory.ts";

export interface AloneRun {
  readonly order: AloneRunOrder;
  readonly signal: AbortSignal;
  readonly memoryBytesMax: number;
  readonly onProgress: (progress: number, note: string | undefined) => void;
  /** Is given what the process writes, as it comes. */
  readonly echo?: (bytes: Uint8Array) => void;
  readonly startMsMax?: number;
}

export type AloneEnd =
  | { readonly kind: "ended"; readonly end: RunEnd }
  /** The process died of it, or had to be killed. */
  | { readonly kind: "died"; readonly how: string }
  /** Nothing of the task has run. */
  | { readonly kind: "not_started"; readonly why: string };

const ENTRY = new URL("./alone-main.ts", import.meta.url).pathname;
/** What it has said and written is here by then, unless a process of its own keeps the pipes open. */
const LAST_WORDS_MS = 500;

/**
 * Runs one attempt in a process of its own, which ends with it: whatever the task does to its process, it does to nobody
 * else. The process is killed when it takes too much memory, or computes on when its time is over. `log` is the end of
 * what it wrote.
 */
export async function runAlone(run: AloneRun): Promise<{ readonly end: AloneEnd; readonly log: string }> {
  const tail = new LogTail(ALONE_LOG_BYTES_MAX);
  const child = new AloneProcess(run, (bytes) => {
    tail.add(bytes);
    run.echo?.(bytes);
  });
  const end = await child.ended();
  return { end, log: tail.text() };
}

class AloneProcess {
  readonly #run: AloneRun;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #disconnected = Promise.withResolvers<void>();
  readonly #reading: Promise<unknown>;
  #last: AloneNews | undefined;
  #isStarted = false;
  #whyKilled: AloneEnd | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  constructor(run: AloneRun, onBytes: (bytes: Uint8Array) => void) {
    this.#run = run;
    this.#child = Bun.spawn([process.execPath, ENTRY], {
      stdio: ["ignore", "pipe", "pipe"],
      ipc: (news: unknown) => this.#hear(news),
      onDisconnect: () => this.#disconnected.resolve(),
    });
    const { stdout, stderr } = this.#child;
    this.#reading = Promise.all([readAll(stdout, onBytes), readAll(stderr, onBytes)]);
  }

  async ended(): Promise<AloneEnd> {
    const { order, signal, startMsMax = ALONE_START_MS_MAX } = this.#run;
    const onAbort = (): void => this.#abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const why = `its process had not started after ${startMsMax / 1000} s`;
    this.#killAfter(startMsMax, { kind: "not_started", why });
    const memory = setInterval(() => void this.#watchMemory(), ALONE_MEMORY_LOOK_MS);
    void offerToKernel(this.#child.pid);
    try {
      this.#send(order);
      if (signal.aborted) onAbort();
      await this.#child.exited;
      await Promise.race([
        Promise.all([this.#disconnected.promise, this.#reading]),
        Bun.sleep(LAST_WORDS_MS),
      ]);
      return this.#endOf();
    } finally {
      clearInterval(memory);
      clearTimeout(this.#deadline);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #hear(news: unknown): void {
    if (!isAloneNews(news)) return;
    if (news.kind === "progress") this.#run.onProgress(news.progress, news.note);
    else if (news.kind === "started") this.#start();
    else {
      this.#last ??= news;
      this.#killAfter(ALONE_WORD_MS_MAX, undefined); // It has said all, and is to end.
    }
  }

  #start(): void {
    this.#isStarted = true;
    if (this.#run.signal.aborted) return; // Its grace is running.
    const { timeoutMs } = this.#run.order;
    const how = `it still computed when its ${timeoutMs / 1000} s were over, and had to be killed`;
    // Its own clock ends what lets it; see `runAttempt`.
    this.#killAfter(timeoutMs + ABORT_GRACE_MS + ALONE_WORD_MS_MAX, { kind: "died", how });
  }

  #abort(reason: unknown): void {
    const why = reason instanceof AttemptAborted && reason.kind === "cancelled" ? "cancelled" : "drained";
    this.#send({ kind: "abort", why });
    this.#killAfter(ABORT_GRACE_MS, { kind: "ended", end: { kind: "aborted", why } });
  }

  #send(order: AloneOrder): void {
    try {
      this.#child.send(order);
    } catch {
      // It is gone already, which `exited` tells.
    }
  }

  #killAfter(delayMs: number, why: AloneEnd | undefined): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#kill(why), delayMs);
  }

  #kill(why: AloneEnd | undefined): void {
    this.#whyKilled ??= why;
    this.#child.kill("SIGKILL");
  }

  async #watchMemory(): Promise<void> {
    const { memoryBytesMax } = this.#run;
    const bytes = await readMemoryBytes(this.#child.pid);
    if (bytes === null || bytes <= memoryBytesMax || this.#child.exitCode !== null) return;
    const how = `it took more than ${Math.round(memoryBytesMax / 2 ** 20)} MiB of memory, and had to be killed`;
    this.#kill({ kind: "died", how });
  }

  #endOf(): AloneEnd {
    if (this.#last?.kind === "end") return { kind: "ended", end: this.#last.end };
    if (this.#last?.kind === "trouble") return { kind: "not_started", why: this.#last.message };
    if (this.#whyKilled !== undefined) return this.#whyKilled;
    const how = this.#child.signalCode?.toString() ?? `exit status ${this.#child.exitCode}`;
    if (!this.#isStarted) return { kind: "not_started", why: `its process ended before it started (${how})` };
    return { kind: "died", how };
  }
}

/** To the end, or as long as somebody keeps the pipe open. */
async function readAll(
  stream: ReadableStream<Uint8Array>,
  onBytes: (bytes: Uint8Array) => void,
): Promise<void> {
  for await (const bytes of stream) onBytes(bytes);
}
