import { messageOf } from "../start-failure.ts";
import { Lines } from "./lines.ts";
import { type Child, launch, type ProcessSpec } from "./process-spec.ts";
import { restartAfter } from "./restart-policy.ts";

export interface Death {
  /** `exit 1`, `SIGKILL`, or why it could not be started. */
  readonly how: string;
  readonly exitCode: number | null;
  readonly restartMs: number;
}

export interface Watcher {
  onStart(pid: number): void;
  onOutput(chunk: Uint8Array): void;
  onLine(line: string): void;
  /** It ended although nobody had asked it to, and will be started again after `restartMs`. */
  onDeath(death: Death): void;
}

const LAST_LINES_MAX = 15;

/** Keeps one process running, until it is told to stop. */
export class Supervised {
  readonly spec: ProcessSpec;
  readonly #watcher: Watcher;
  readonly #stopping = Promise.withResolvers<void>();
  readonly #gone: Promise<void>;
  #isStopping = false;
  #child: Child | undefined;
  #deaths = 0;
  #lastExitCode: number | null = null;
  #lastLines: string[] = [];

  constructor(spec: ProcessSpec, watcher: Watcher) {
    this.spec = spec;
    this.#watcher = watcher;
    this.#gone = this.#keepRunning();
  }

  /** Undefined while it is down. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Deaths in a row without a healthy run in between. */
  get deaths(): number {
    return this.#deaths;
  }

  get lastExitCode(): number | null {
    return this.#lastExitCode;
  }

  /** The end of its output, for whoever must say why it does not start. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** Asks it to end, for good. Resolves when it is gone. Asking again changes nothing. */
  stop(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#stopping.resolve();
      this.#child?.kill(this.spec.stopSignal);
    }
    return this.#gone;
  }

  /** Ends it at once, for good: what it was doing is lost, what it had committed is not. */
  async abort(): Promise<void> {
    void this.stop();
    if (this.spec.abortSignal !== undefined) {
      this.#child?.kill(this.spec.abortSignal);
      await Promise.race([this.#gone, Bun.sleep(ABORT_MS)]);
    }
    this.#child?.kill("SIGKILL");
    await this.#gone;
  }

  async #keepRunning(): Promise<void> {
    while (!this.#isStopping) {
      const bornMs = performance.now();
      const how = await this.#runOnce();
      if (this.#isStopping) return;
      const restart = restartAfter(this.#deaths, performance.now() - bornMs);
      this.#deaths = restart.deaths;
      this.#watcher.onDeath({ how, exitCode: this.#lastExitCode, restartMs: restart.delayMs });
      await this.#pause(restart.delayMs);
    }
  }

  async #runOnce(): Promise<string> {
    const lines = new Lines((line) => this.#keepLine(line));
    this.#lastExitCode = null;
    let child: Child;
    try {
      child = launch(this.spec, (chunk) => {
        this.#watcher.onOutput(chunk);
        lines.add(chunk);
      });
    } catch (error) {
      return messageOf(error);
    }
    this.#child = child;
    this.#watcher.onStart(child.pid);
    await child.exited;
    this.#child = undefined;
    this.#lastExitCode = child.exitCode;
    return child.signalCode === null ? `exit ${child.exitCode}` : String(child.signalCode);
  }

  #keepLine(line: string): void {
    this.#lastLines = [...this.#lastLines.slice(1 - LAST_LINES_MAX), line];
    this.#watcher.onLine(line);
  }

  async #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delayMs);
    await Promise.race([promise, this.#stopping.promise]);
    clearTimeout(timer);
  }
}

const ABORT_MS = 500;
