import {
  type Bus,
  type Delivery,
  DispatchPublisher,
  LiveTeller,
  onCancelled,
  onConsumerLeaders,
  PauseBoard,
} from "@millrace/bus";
import { LANES, type Lane, type Random } from "@millrace/core";
import { PROGRESS_NOTE_CHARS_MAX, SHORT_LANE_TIMEOUT_S_MAX } from "@millrace/core/limits";
import { groupSizes, type Log, type Metrics, publishTracer, type Tracing } from "@millrace/observe";
import { type Dispatch, sessionOf, TASKS_STREAM } from "@millrace/protocol";
import { EndTeller, isWorkerDrained, listPauses, routeToWorkers, type Sql } from "@millrace/store";
import { about } from "./about.ts";
import { Attempts } from "./attempts.ts";
import { DrainBoard } from "./drain-board.ts";
import { followUp } from "./follow-up.ts";
import { type Guarding, startGuards } from "./guards/start-guards.ts";
import { handleDelivery } from "./handle-delivery.ts";
import { Heartbeat } from "./heartbeat.ts";
import { heedOrders } from "./heed-orders.ts";
import { LanePuller } from "./lane-puller.ts";
import { leave } from "./leave.ts";
import { createWorkerMetrics } from "./metrics.ts";
import { ParkingPlace } from "./park.ts";
import type { WorkerPorts } from "./ports.ts";
import { Quarantine, type QuarantineOptions } from "./quarantine/quarantine.ts";
import { RunningAttempts } from "./running.ts";
import { SelfAudit } from "./self-audit.ts";
import { Shelf } from "./shelve.ts";
import { Starts } from "./starts.ts";
import type { TaskLog, TaskType } from "./task-type.ts";
import { createStepTeller } from "./tell-steps.ts";
import { TenantTurns } from "./tenant-turns.ts";

export interface WorkerOptions {
  readonly workerId: string;
  /** Different at each start. */
  readonly nonce: string;
  readonly bus: Bus;
  readonly natsUrls: readonly string[];
  readonly sql: Sql;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly types: ReadonlyMap<string, TaskType>;
  readonly slots: Readonly<Record<Lane, number>>;
  readonly heartbeatS: number;
  readonly random: Random;
  readonly tracing?: Tracing | undefined;
  /** What tasks that workers died with run with, in a process of their own. */
  readonly alone: Omit<QuarantineOptions, "runs">;
}

export interface RunningWorker {
  readonly session: string;
  /** What runs here at this moment. */
  currentTasks(): readonly string[];
  /** Attempts that ended since it began, by how they ended. */
  outcomes(): Readonly<Record<string, number>>;
  /** After a reconnect: asks the server again. */
  rearm(): void;
  /** Takes nothing new, lets running tasks end for a while, gives the rest back. */
  drain(): Promise<void>;
}

/** Wires the steps, says that it lives, and starts to fetch. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { bus, workerId, nonce, log } = options;
  const session = sessionOf(workerId, nonce);
  const pullers = new Map<Lane, LanePuller>();
  const work = new Set<Promise<void>>();
  const running = new RunningAttempts(bus);
  const pauses = watchPauses(options, pullers);
  const drains = watchDrains(options);
  const guarding = await startGuards({ ...options, session, slots: slotsOf(options) });
  const starts = new Starts();
  const ports = makePorts(options, { session, running, pullers, work, pauses, drains, starts, guarding });
  const handle = (delivery: Delivery) => handleDelivery(delivery, ports);
  for (const lane of LANES) {
    const isPaused = () => !drains.mayStart || pauses.isLanePaused(lane);
    pullers.set(lane, new LanePuller({ bus, lane, slots: options.slots[lane], isPaused, handle }));
  }
  const heeding = heedOrders({ bus, session, pauses, drains, guarding, starts });
  await drains.start();
  const heartbeat = await startHeartbeat(options, running, drains);
  drains.follow((isDrained) => {
    for (const puller of pullers.values()) puller.rearm();
    if (!isDrained) return heartbeat.be("active");
    log.info("drained by an operator: nothing new starts here until one resumes it");
    // Once all that was let through has started, so that the beat names whatever still runs.
    void starts.settled().then(() => drains.isDrained && heartbeat.be("draining"));
  });
  const stopListening = listen(bus, { session, running, pullers });
  await Promise.all([pauses.start(), claimTypes(options)]);
  const loops = [...pullers.values()].map((puller) => puller.run());
  return {
    session,
    currentTasks: () => running.taskIds(),
    outcomes: () => ({ ...ports.metrics.ended() }),
    rearm: () => {
      void pauses.refresh(); // What was told meanwhile was not heard.
      void drains.refresh();
      guarding.refresh();
      for (const puller of pullers.values()) puller.rearm();
    },
    drain: () => {
      drains.stop();
      return leave({
        ...{ loops, work, running, ports, guarding, heeding, heartbeat },
        pullers: [...pullers.values()],
        stopListening: () => {
          stopListening();
          pauses.stop();
        },
      });
    },
  };
}

async function startHeartbeat(
  options: WorkerOptions,
  running: RunningAttempts,
  drains: DrainBoard,
): Promise<Heartbeat> {
  const { natsUrls, bus, workerId, nonce, types, heartbeatS, log } = options;
  return await Heartbeat.start({
    ...{ natsUrls, streams: bus.streams, workerId, nonce, capabilities: [...types.keys()], log },
    ...{ slots: slotsOf(options), intervalS: heartbeatS, status: drains.isDrained ? "draining" : "active" },
    currentTasks: () => running.taskIds(),
  });
}

/** Hears what stops a running task, and what makes it time to ask for others again. */
function listen(bus: Bus, { session, running, pullers }: Pick<Parts, "session" | "running" | "pullers">) {
  const stops = [
    onCancelled(bus, (notice) => {
      if (notice.session === session) running.abort(notice.seq, notice.attempt, "cancelled");
    }),
    // A pull that stood with a leader that died is answered by nobody.
    onConsumerLeaders(bus, TASKS_STREAM, () => {
      for (const puller of pullers.values()) puller.rearm();
    }),
  ];
  return (): void => {
    for (const stop of stops) stop();
  };
}

/** Before the first delivery: what others cannot run must not be shelved, since we can. The scheduler makes up for a failure. */
async function claimTypes({ sql, types, log }: WorkerOptions): Promise<void> {
  try {
    await routeToWorkers(sql, [...types.keys()]);
  } catch (error) {
    log.warning("the database was not told what this worker can run; the scheduler will", { error });
  }
}

function slotsOf({ slots }: WorkerOptions): number {
  return LANES.reduce((sum, lane) => sum + slots[lane], 0);
}

/** What the drain waits for, too. */
type OwnPorts = WorkerPorts & { readonly endTeller: EndTeller };

interface Parts {
  readonly session: string;
  readonly running: RunningAttempts;
  readonly pullers: ReadonlyMap<Lane, LanePuller>;
  readonly work: Set<Promise<void>>;
  readonly pauses: PauseBoard;
  readonly drains: DrainBoard;
  readonly starts: Starts;
  readonly guarding: Guarding;
}

/** A lane that is paused fetches nothing; one that goes on asks at once. */
function watchPauses({ bus, sql, log }: WorkerOptions, pullers: ReadonlyMap<Lane, LanePuller>): PauseBoard {
  return new PauseBoard({
    bus,
    read: async () => (await listPauses(sql)).map((pause) => pause.name),
    onChange: () => {
      for (const puller of pullers.values()) puller.rearm();
    },
    onFailure: (error) => log.warning("what is paused could not be read, and is read again", { error }),
  });
}

function watchDrains({ bus, workerId, sql, log }: WorkerOptions): DrainBoard {
  return new DrainBoard({
    ...{ bus, workerId, read: () => isWorkerDrained(sql, workerId) },
    onFailure: (error) =>
      log.warning("whether this worker is drained could not be read, and is read again", { error }),
  });
}

function takeTurns({ sql, log }: WorkerOptions): TenantTurns {
  return new TenantTurns({
    sql,
    nowMs: () => performance.now(),
    onFailure: (error) => log.warning("tenants could not take turns; messages keep their order", { error }),
  });
}

function makePorts(options: WorkerOptions, parts: Parts): OwnPorts {
  const { session, running, pullers, work, pauses, drains, starts, guarding } = parts;
  const { bus, sql, log, workerId, tracing } = options;
  const publisher = new DispatchPublisher(
    bus,
    groupSizes(options.metrics, "publish"),
    publishTracer(tracing),
  );
  const live = new LiveTeller(bus, workerId);
  const claimSizes = groupSizes(options.metrics, "claim");
  const settleSizes = groupSizes(options.metrics, "settle");
  const metrics = createWorkerMetrics(options.metrics, (gauge) => {
    for (const [lane, puller] of pullers) {
      gauge.set({ lane, state: "busy" }, puller.busy);
      gauge.set({ lane, state: "free" }, drains.mayStart ? puller.free : 0);
    }
  });
  const ports: OwnPorts = {
    ...{ bus, sql, log, metrics, tracing, session },
    types: options.types,
    attempts: new Attempts({
      ...{ sql, session, log, slots: slotsOf(options) },
      onGroup: (step, rows) => (step === "claim" ? claimSizes(rows) : settleSizes(rows)),
    }),
    ...{ starts, pauses },
    parking: new ParkingPlace(sql),
    ...guarding.ports,
    quarantine: new Quarantine({ ...options.alone, runs: metrics.aloneRuns }),
    turns: takeTurns(options),
    shelf: new Shelf(sql),
    publisher,
    running,
    audit: new SelfAudit({ sql, session, running, publisher, log }),
    endTeller: endTellerOf(options, publisher, live),
    random: options.random,
    timeoutMsOf,
    taskLog: (dispatch) => taskLog(log, dispatch),
    tell: createStepTeller(live),
    tellProgress: ({ seq, attempt }, progress, note) => {
      if (!Number.isFinite(progress)) return; // It comes from user code.
      const share = Math.min(1, Math.max(0, progress));
      const told = note === undefined ? {} : { note: String(note).slice(0, PROGRESS_NOTE_CHARS_MAX) };
      live.tellProgress({ seq, attempt, progress: share, ...told });
    },
    flushLive: () => live.flush(),
    followUp: (settled) => followUp(settled, ports),
    background: (promise) => {
      work.add(promise);
      void promise.finally(() => work.delete(promise));
    },
  };
  return ports;
}

function endTellerOf({ sql, log }: WorkerOptions, publisher: DispatchPublisher, live: LiveTeller): EndTeller {
  return new EndTeller({
    sql,
    publish: (due) =>
      publisher.publish(due.map(({ dispatch, readyAt }) => ({ dispatch, dueAtMs: readyAt.getTime() }))),
    tell: (step) => live.tell(step),
    onFailure: (error) => log.warning("children of ended tasks are left to the scheduler", { error }),
  });
}

function timeoutMsOf({ lane, timeout }: Dispatch): number {
  return (lane === "short" ? Math.min(timeout, SHORT_LANE_TIMEOUT_S_MAX) : timeout) * 1000;
}

/** Made for each attempt; the fields are only put together when a line is written. */
function taskLog(log: Log, dispatch: Dispatch): TaskLog {
  return {
    debug: (message, fields) => log.debug(message, { ...about(dispatch), ...fields }),
    info: (message, fields) => log.info(message, { ...about(dispatch), ...fields }),
    warn: (message, fields) => log.warning(message, { ...about(dispatch), ...fields }),
    error: (message, fields) => log.error(message, { ...about(dispatch), ...fields }),
  };
}
