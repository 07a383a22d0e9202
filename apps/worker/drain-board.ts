import { type Bus, onWorkerChanged, Rereader } from "@millrace/bus";
import { DRAINS_LOOK_MS, DRAINS_RETRY_MS } from "@millrace/core/limits";

export interface DrainBoardOptions {
  readonly bus: Bus;
  readonly workerId: string;
  /** Whether an operator has drained this worker, from where the truth is: the database. */
  readonly read: () => Promise<boolean>;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Whether an operator has drained this worker. Until it has been read for the first time nothing may start: while the
 * database is away nothing could be claimed anyway.
 */
export class DrainBoard {
  readonly #options: DrainBoardOptions;
  readonly #rereader: Rereader;
  /** Null: not known yet. */
  #isDrained: boolean | null = null;
  #onChange: (isDrained: boolean) => void = () => {};
  #stopHearing: () => void = () => {};

  constructor(options: DrainBoardOptions) {
    this.#options = options;
    this.#rereader = new Rereader({
      read: async () => this.#take(await options.read()),
      ...{ lookMs: DRAINS_LOOK_MS, retryMs: DRAINS_RETRY_MS, onFailure: options.onFailure },
    });
  }

  /** Resolves when it has read once, or could not. */
  async start(): Promise<void> {
    const { bus, workerId } = this.#options;
    this.#stopHearing = onWorkerChanged(bus, (changed) => {
      if (changed === workerId) void this.refresh();
    });
    await this.refresh();
  }

  get isDrained(): boolean {
    return this.#isDrained ?? false;
  }

  get mayStart(): boolean {
    return this.#isDrained === false;
  }

  /** Told of what is known now, and of each change. */
  follow(handle: (isDrained: boolean) => void): void {
    this.#onChange = handle;
    if (this.#isDrained !== null) handle(this.#isDrained);
  }

  /** True once it has been read anew; false: it could not be read. */
  refresh(): Promise<boolean> {
    return this.#rereader.refresh();
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#rereader.stop();
    this.#stopHearing();
    this.#onChange = () => {};
  }

  #take(isDrained: boolean): void {
    if (isDrained === this.#isDrained) return;
    this.#isDrained = isDrained;
    this.#onChange(isDrained);
  }
}
