import type { KnownBreaker, KnownWorker, LevelDepth } from "@millrace/bus";
import type { Log, Readiness } from "@millrace/observe";
import type { LiveTask, LiveTasks, PartReport } from "@millrace/protocol";
import type { AlertView, OverviewTick, OwnOverview, WholeOverview } from "@millrace/protocol/overview";
import type { HistoryRow, OpenCounts, OwnCounts } from "@millrace/store/tasks/count-overview";
import { composeNumbers, NOTHING_OPEN, ownOverview } from "./compose.ts";
import { History, type Movement } from "./history.ts";
import { Parts } from "./parts.ts";
import { StepGatherer } from "./steps.ts";

/** Where the overview takes its numbers from. */
export interface OverviewSources {
  readonly countOpen: () => Promise<OpenCounts>;
  readonly countOwn: (ownerIds: readonly number[]) => Promise<readonly OwnCounts[]>;
  readonly readHistory: () => Promise<readonly HistoryRow[]>;
  readonly readDepths: () => Promise<readonly LevelDepth[]>;
  readonly readPauses: () => Promise<readonly string[]>;
  readonly readBreakers: () => Promise<readonly KnownBreaker[]>;
  readonly askParts: () => Promise<readonly PartReport[]>;
  /** Calls back for what all tasks do; the returned function ends it. */
  readonly followSteps: (handle: (told: LiveTasks) => void) => () => void;
  /** Calls back for how much waits and runs, as a scheduler tells it each second, whether anybody watches or not. */
  readonly followDepth: (
    handle: (depth: { readonly pending: number; readonly running: number }) => void,
  ) => void;
  readonly workers: () => readonly KnownWorker[];
  readonly readiness: () => Promise<Readiness>;
  readonly alerts: () => readonly AlertView[];
}

/** Somebody who watches. Called with what is the same for all of them, so that it is put into words once. */
export interface OverviewWatcher {
  /** Null: everything; else this user's own. */
  readonly ownerId: number | null;
  onTick(): void;
  onSteps(): void;
}

export interface OverviewOptions {
  readonly sources: OverviewSources;
  readonly log: Log;
  readonly nowMs: () => number;
}

const TICK_MS = 1_000;
const STEPS_EVERY_MS = 250;
/** After the last look the steps are still heard for so long, that a page that is loaded again keeps its history. */
const LINGER_MS = 60_000;
/** Whoever asks once is thought to ask again. */
const WANTED_MS = 5_000;
/** A query rests so many times as long as it took: whatever the size of the queue, looking takes a twentieth. */
const REST_TIMES = 20;
const OWN_REST_MS = 2_000;
/** Users that one query counts; when more look at once, they take turns. */
const OWNERS_AT_ONCE_MAX = 200;
const STALE_MS = 2 * TICK_MS;
/** The first viewer waits no longer for what does not answer. */
const READY_MS_MAX = 4_000;

interface Owner {
  wantedMs: number;
  countedMs: number;
  counts: OwnCounts | undefined;
}

/**
 * The state behind the dashboard: one per process, whatever the number of viewers. It is fed by what the processes tell
 * on NATS, and by two or three cheap questions a second. When nobody has watched for a while, nothing is asked at all.
 */
export class Overview {
  readonly history: History;
  readonly #options: OverviewOptions;
  readonly #parts: Parts;
  readonly #gatherer = new StepGatherer();
  readonly #watchers = new Set<OverviewWatcher>();
  readonly #owners = new Map<number, Owner>();
  #open: OpenCounts = NOTHING_OPEN;
  #depths: readonly LevelDepth[] = [];
  #paused: readonly string[] = [];
  #breakers: readonly KnownBreaker[] = [];
  #readiness: Readiness = { status: "ready", checks: {} };
  #wantedMs = Number.NEGATIVE_INFINITY;
  #running: { readonly ready: Promise<void>; readonly stop: () => void } | undefined;
  #openRestsUntilMs = 0;
  #ownRestsUntilMs = 0;
  readonly #asking = new Map<string, Promise<void>>();
  #refreshedMs = Number.NEGATIVE_INFINITY;

  constructor(options: OverviewOptions) {
    this.#options = options;
    this.history = new History(options.nowMs);
    this.#parts = new Parts(options.nowMs);
    options.sources.followDepth((depth) => this.history.noteDepthTold(depth));
  }

  /** Resolves once there are numbers, or something that has them is away. */
  async ready(ownerId: number | null): Promise<void> {
    this.#wantedMs = this.#options.nowMs();
    const isNewOwner = ownerId !== null && !this.#owners.has(ownerId);
    if (ownerId !== null) this.#want(ownerId);
    await Promise.race([this.#makeReady(isNewOwner), Bun.sleep(READY_MS_MAX)]);
  }

  async #makeReady(isNewOwner: boolean): Promise<void> {
    const { ready } = this.#start();
    await ready;
    // Nobody looked for a while, and the numbers are of then.
    if (this.#options.nowMs() - this.#refreshedMs > STALE_MS) await this.#refresh();
    if (isNewOwner) await this.#countOwn(true);
  }

  /** The returned function ends it. */
  watch(watcher: OverviewWatcher): () => void {
    this.#watchers.add(watcher);
    this.#start();
    return () => {
      this.#watchers.delete(watcher);
      this.#wantedMs = this.#options.nowMs();
    };
  }

  whole(): WholeOverview {
    return { ...this.#numbers(), history: this.history.view() };
  }

  tick(): OverviewTick {
    return { ...this.#numbers(), latest: this.history.view(2) };
  }

  own(ownerId: number): OwnOverview {
    const { counts } = this.#want(ownerId);
    return ownOverview({ atMs: this.#options.nowMs(), counts, parts: this.#parts.view(this.#readiness) });
  }

  /** Steps since it was last asked: for the one who passes them on to all. */
  takeSteps() {
    return this.#gatherer.take();
  }

  stop(): void {
    this.#running?.stop();
    this.#running = undefined;
  }

  #numbers() {
    const { sources, nowMs } = this.#options;
    return composeNumbers({
      ...{ atMs: nowMs(), open: this.#open, depths: this.#depths, history: this.history },
      ...{ paused: this.#paused, breakers: this.#breakers },
      ...{ parts: this.#parts, readiness: this.#readiness },
      ...{ workers: sources.workers(), alerts: sources.alerts() },
    });
  }

  #want(ownerId: number) {
    const own = this.#owners.get(ownerId) ?? { wantedMs: 0, countedMs: 0, counts: undefined };
    own.wantedMs = this.#options.nowMs();
    this.#owners.set(ownerId, own);
    return own;
  }

  #start() {
    if (this.#running !== undefined) return this.#running;
    const { sources } = this.#options;
    this.history.forgetMovements();
    this.#parts.begin();
    const unfollow = sources.followSteps((told) => this.#hear(told));
    const ticks = setInterval(() => void this.#tick(), TICK_MS);
    const steps = setInterval(() => {
      for (const watcher of this.#watchers) if (watcher.ownerId === null) watcher.onSteps();
    }, STEPS_EVERY_MS);
    const stop = (): void => {
      clearInterval(ticks);
      clearInterval(steps);
      unfollow();
    };
    const history = this.#tried("the history", sources.readHistory()).then((rows) => {
      if (rows !== undefined) this.history.fillIn(rows);
    });
    this.#running = { ready: Promise.all([history, this.#refresh()]).then(() => {}), stop };
    return this.#running;
  }

  async #tick(): Promise<void> {
    const idleMs = this.#options.nowMs() - this.#wantedMs;
    if (this.#watchers.size === 0) {
      this.#gatherer.take();
      if (idleMs > LINGER_MS) return this.stop();
      if (idleMs > WANTED_MS) return;
    }
    // A server that is away holds its answers back for seconds, in which people must see that it is.
    await Promise.race([this.#refresh(), Bun.sleep(TICK_MS / 2)]);
    for (const watcher of this.#watchers) watcher.onTick();
  }

  /** Every source by itself: what one cannot say, or says late, the others still do. Never rejects. */
  async #refresh(): Promise<void> {
    const { sources } = this.#options;
    await Promise.all([
      this.#once("open tasks", () => this.#countOpen()),
      this.#once("own tasks", () => this.#countOwn(false)),
      this.#learn("depths", sources.readDepths, (depths) => {
        this.#depths = depths;
      }),
      this.#learn("pauses", sources.readPauses, (paused) => {
        this.#paused = paused;
      }),
      this.#learn("breakers", sources.readBreakers, (breakers) => {
        this.#breakers = breakers;
      }),
      this.#learn("processes", sources.askParts, (reports) => this.#parts.hear(reports)),
      this.#learn("readiness", sources.readiness, (readiness) => {
        this.#readiness = readiness;
      }),
    ]);
    this.#refreshedMs = this.#options.nowMs();
  }

  #learn<T>(what: string, ask: () => Promise<T>, take: (answer: T) => void): Promise<void> {
    return this.#once(what, async () => {
      const answer = await this.#tried(what, ask());
      if (answer !== undefined) take(answer);
    });
  }

  /** A question that has no answer yet is not asked again beside itself: all who ask wait for the same one. */
  #once(what: string, ask: () => Promise<void>): Promise<void> {
    const asking = this.#asking.get(what) ?? ask().finally(() => this.#asking.delete(what));
    this.#asking.set(what, asking);
    return asking;
  }

  async #countOpen(): Promise<void> {
    const startedMs = this.#options.nowMs();
    if (startedMs < this.#openRestsUntilMs) return;
    const open = await this.#tried("open tasks", this.#options.sources.countOpen());
    const endedMs = this.#options.nowMs();
    this.#openRestsUntilMs = endedMs + (endedMs - startedMs) * REST_TIMES;
    if (open === undefined) return;
    this.#open = open;
    const pending = open.queued + open.scheduled + open.waiting + open.retryWait;
    this.history.noteDepth({ pending, running: open.running });
  }

  /** One query for all users who look. */
  async #countOwn(isUrgent: boolean): Promise<void> {
    const startedMs = this.#options.nowMs();
    for (const watcher of this.#watchers) if (watcher.ownerId !== null) this.#want(watcher.ownerId);
    for (const [id, { wantedMs }] of this.#owners)
      if (startedMs - wantedMs > LINGER_MS) this.#owners.delete(id);
    if (this.#owners.size === 0 || (!isUrgent && startedMs < this.#ownRestsUntilMs)) return;
    const longestAgo = [...this.#owners].sort(([, a], [, b]) => a.countedMs - b.countedMs);
    const counted = longestAgo.slice(0, OWNERS_AT_ONCE_MAX);
    for (const [, owner] of counted) owner.countedMs = startedMs;
    const ids = counted.map(([id]) => id);
    const counts = await this.#tried("own tasks", this.#options.sources.countOwn(ids));
    const endedMs = this.#options.nowMs();
    this.#ownRestsUntilMs = endedMs + Math.max(OWN_REST_MS, (endedMs - startedMs) * REST_TIMES);
    for (const each of counts ?? []) {
      const owner = this.#owners.get(each.ownerId);
      if (owner !== undefined) owner.counts = each;
    }
  }

  async #tried<T>(what: string, asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked;
    } catch (error) {
      this.#options.log.debug(`the overview lacks ${what}`, { error });
      return undefined;
    }
  }

  #hear(told: LiveTasks): void {
    if (this.#watchers.size > 0) this.#gatherer.add(told);
    for (const task of told.tasks) {
      const movement = movementOf(task);
      if (movement !== undefined) this.history.note(movement, 1 + (task.others ?? 0));
      if (task.took_ms !== undefined) this.history.noteRunTime(task.took_ms);
    }
  }
}

function movementOf({ phase, attempt }: LiveTask): Movement | undefined {
  if (phase === "done") return "completed";
  if (phase === "dead") return "failed";
  if (phase === "retry_wait") return "retried";
  const isNew = attempt === 0 && (phase === "queued" || phase === "scheduled" || phase === "waiting");
  return isNew ? "submitted" : undefined;
}
