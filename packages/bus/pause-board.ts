import { LANES, type Lane } from "@millrace/core";
import { PAUSES_LOOK_MS, PAUSES_RETRY_MS } from "@millrace/core/limits";
import type { Bus } from "./connect.ts";
import { onPausesChanged } from "./control.ts";
import { Rereader } from "./rereader.ts";

export interface PauseBoardOptions {
  readonly bus: Bus;
  /** The names that are paused, from where the truth is: the database. */
  readonly read: () => Promise<readonly string[]>;
  readonly onChange?: () => void;
  readonly onFailure?: (error: unknown) => void;
}

/**
 * What may not start now, known to this process: asking costs a look into a set. The bucket `control` says when to read
 * again, which takes milliseconds; what gets lost on that way is found within PAUSES_LOOK_MS. A reading that fails
 * changes nothing: what is paused stays so until the database says otherwise.
 */
export class PauseBoard {
  readonly #options: PauseBoardOptions;
  readonly #rereader: Rereader;
  #names: ReadonlySet<string> = new Set();
  #stopHearing: () => void = () => {};

  constructor(options: PauseBoardOptions) {
    this.#options = options;
    this.#rereader = new Rereader({
      read: async () => this.#take(new Set(await options.read())),
      ...{ lookMs: PAUSES_LOOK_MS, retryMs: PAUSES_RETRY_MS, onFailure: options.onFailure },
    });
  }

  /** Resolves when it has read once, or could not. */
  async start(): Promise<void> {
    this.#stopHearing = onPausesChanged(this.#options.bus, () => void this.refresh());
    await this.refresh();
  }

  isLanePaused(lane: Lane): boolean {
    return this.#names.has(lane);
  }

  /** A lane wins over a type of the same name, which then cannot be paused by itself. */
  isTypePaused(taskType: string): boolean {
    return this.#names.size > 0 && this.#names.has(taskType) && !LANES.some((lane) => lane === taskType);
  }

  /** True once it has been read what is paused now; false: it could not be read. */
  refresh(): Promise<boolean> {
    return this.#rereader.refresh();
  }

  stop(): void {
    this.#rereader.stop();
    this.#stopHearing();
  }

  #take(names: ReadonlySet<string>): void {
    const isSame = names.size === this.#names.size && [...names].every((name) => this.#names.has(name));
    if (isSame) return;
    this.#names = names;
    this.#options.onChange?.();
  }
}
