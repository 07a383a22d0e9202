import { Worker } from "node:worker_threads";
import type { HashReply, HashRequest } from "./messages.ts";

type Answered = (reply: HashReply | undefined) => void;

/** One per process: its work is a third of what an upload costs, and one core hashes 2 GB/s. */
let running: HashThread | undefined;

/** Starts it when it is asked for first, and again after it died. */
export function hashThread(): HashThread {
  if (running === undefined || running.isDead) running = new HashThread();
  return running;
}

/** The main thread's end of it. What it is asked after its death is answered with undefined. */
export class HashThread {
  readonly #worker: Worker;
  /** It answers in the order in which it was asked. */
  readonly #waiting: Answered[] = [];
  #ids = 0;
  #isDead = false;

  constructor() {
    this.#worker = new Worker(new URL("./thread-main.ts", import.meta.url), { name: "sha256" });
    this.#worker.on("message", (reply: HashReply) => {
      this.#waiting.shift()?.(reply);
      if (this.#waiting.length === 0) this.#worker.unref();
    });
    this.#worker.on("error", () => this.#died());
    this.#worker.on("exit", () => this.#died());
    this.#worker.unref(); // A process may end while nothing is being hashed.
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  newId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  ask(request: HashRequest): Promise<HashReply | undefined> {
    if (this.#isDead) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<HashReply | undefined>();
    this.#waiting.push(resolve);
    this.#worker.ref();
    this.#worker.postMessage(request);
    return promise;
  }

  /** For tests: as if it had crashed. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #died(): void {
    this.#isDead = true;
    for (const answered of this.#waiting.splice(0)) answered(undefined);
  }
}
