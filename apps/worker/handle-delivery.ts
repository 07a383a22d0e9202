import { ack, type Delivery, giveBack, publishedAtMs, withoutMessage } from "@millrace/bus";
import type { Filled } from "@millrace/core";
import { ALONE_TURN_MS } from "@millrace/core/limits";
import { type Span, withinSpan } from "@millrace/observe";
import { type Dispatch, decodeDispatch, submittedAtMs } from "@millrace/protocol";
import { type ClaimAnswer, fillPayload } from "@millrace/store";
import { about } from "./about.ts";
import { aboutAttempt, startDeliverySpan } from "./delivery-span.ts";
import { type Pass, passGuards } from "./guards/pass-guards.ts";
import { parkDelivery } from "./park.ts";
import type { WorkerPorts } from "./ports.ts";
import { type RunEnd, runAttempt } from "./run-attempt.ts";
import { sealDelivery } from "./seal.ts";
import { shelveDelivery } from "./shelve.ts";
import type { TaskType } from "./task-type.ts";
import { turnOf } from "./tenant-turns.ts";
import { type Ran, writeOutcome } from "./write-outcome.ts";

const CLAIM_RETRY_MS = 1_000;

/**
 * The life of one delivery: read, claim, run, settle, follow up, acknowledge. Never rejects; the slot is free when it
 * resolves. Nothing runs before the claim is committed, and nothing is acknowledged before the outcome is.
 */
export async function handleDelivery(delivery: Delivery, ports: WorkerPorts): Promise<void> {
  const dispatch = decodeDispatch(delivery.body);
  if (dispatch === null) return dropPoison(delivery, ports);
  // What may not start was asked of its lane a moment ago, in the same turn of the event loop.
  const onDecided = ports.starts.begin();
  try {
    await handle({ delivery, dispatch, onClaimed: onDecided }, ports);
  } finally {
    onDecided();
  }
}

async function handle(arrived: Arrived, ports: WorkerPorts): Promise<void> {
  const { dispatch, onClaimed } = arrived;
  if (ports.turns.concern(dispatch) && (await giveTurn(arrived, ports))) return;
  const how = await handleTraced(arrived, ports);
  if (how === "stale" && ports.turns.concern(dispatch)) await fillTurn(dispatch, onClaimed, ports);
}

/** True: it was another tenant's turn, whose task has run here, and the message went to the next free slot. */
async function giveTurn(arrived: Arrived, ports: WorkerPorts): Promise<boolean> {
  const other = await ports.turns.next(arrived.dispatch);
  if (other === null) return false;
  const onClaimed = (): void => {
    arrived.onClaimed();
    giveBack(ports.bus, arrived.delivery);
    ports.metrics.turns.add({});
  };
  return (
    (await handleTraced({ delivery: withoutMessage(other), dispatch: other, onClaimed }, ports)) === "ran"
  );
}

/** The message's task was started in an earlier turn. Where tenants take turns, this one is another task's of its tenant. */
async function fillTurn(dispatch: Dispatch, onDecided: () => void, ports: WorkerPorts): Promise<void> {
  const other = await ports.turns.nextOfSame(dispatch);
  if (other === null) return;
  const onClaimed = (): void => {
    onDecided();
    ports.metrics.turns.add({});
  };
  await handleTraced({ delivery: withoutMessage(other), dispatch: other, onClaimed }, ports);
}

/** `stale`: somebody else has started it. `left`: it does not start now, and what becomes of its message is said. */
type Handled = "ran" | "stale" | "left";

async function handleTraced(arrived: Arrived, ports: WorkerPorts): Promise<Handled> {
  const { delivery, dispatch } = arrived;
  const span = ports.tracing && startDeliverySpan(ports.tracing, delivery, dispatch);
  if (span === undefined) return await handleDispatch(arrived, ports);
  try {
    // From here on it goes by this span: in log lines, and in the message of the next attempt.
    const traced = { ...dispatch, trace_context: span.context };
    return await handleDispatch({ ...arrived, dispatch: traced, span }, ports);
  } finally {
    span.end();
  }
}

/** A delivery, read. */
interface Arrived {
  readonly delivery: Delivery;
  readonly dispatch: Dispatch;
  /** Undefined: its trace is not recorded. */
  readonly span?: Span | undefined;
  /** Told before it runs. */
  readonly onClaimed: () => void;
}

async function handleDispatch(arrived: Arrived, ports: WorkerPorts): Promise<Handled> {
  const { delivery, dispatch } = arrived;
  if (ports.pauses.isTypePaused(dispatch.task_type) && (await parkDelivery(delivery, dispatch, ports)))
    return "left";
  const type = ports.types.get(dispatch.task_type);
  if (type === undefined) {
    await shelveDelivery(delivery, dispatch, ports);
    return "left";
  }
  if (!ports.quarantine.concerns(dispatch, type)) return await start({ ...arrived, type }, ports);
  // One at a time; another worker may have the place.
  if (!ports.quarantine.enter()) {
    giveBack(ports.bus, delivery, ALONE_TURN_MS);
    return "left";
  }
  try {
    return await start({ ...arrived, type, isAlone: true }, ports);
  } finally {
    ports.quarantine.leave();
  }
}

interface Ready extends Arrived {
  readonly type: TaskType;
  /** In quarantine, where it has the place. */
  readonly isAlone?: true;
}

async function start(waiting: Ready, ports: WorkerPorts): Promise<Handled> {
  const ready = await begin(waiting, ports);
  if (ready === null) return "left";
  const passing = passGuards(ready.delivery, ready.dispatch, ports);
  const pass = passing instanceof Promise ? await passing : passing;
  if (pass === null) return "left";
  const claimed = await claim(ready, ports);
  if (claimed !== "claimed") {
    pass.unused();
    return claimed === "stale" ? "stale" : "left";
  }
  ready.onClaimed();
  await runClaimed({ ...ready, pass }, ports);
  return "ran";
}

/** Null: it is debounced, and has been put off. */
async function begin(waiting: Ready, ports: WorkerPorts): Promise<Ready | null> {
  if (waiting.dispatch.is_debounced !== true) return waiting;
  const dispatch = await sealDelivery(waiting.delivery, waiting.dispatch, ports);
  return dispatch === null ? null : { ...waiting, dispatch };
}

async function runClaimed(start: Start, ports: WorkerPorts): Promise<void> {
  const { dispatch, pass } = start;
  try {
    const ran = await run(start, ports);
    await settle(start, { ...ran, end: pass.ended(ran.end) }, ports);
  } catch (error) {
    // The claim stays; the audit gives it back.
    ports.log.error("an attempt could not be brought to its end", { ...about(dispatch), error });
    ports.audit.request();
  } finally {
    pass.unused(); // Unless it has ended.
    ports.running.remove(dispatch);
  }
}

/** A message that cannot be read never heals, and no task is behind it that the database would not still have. */
function dropPoison(delivery: Delivery, { bus, log, metrics }: WorkerPorts): void {
  log.error("a message in TASKS is not a dispatch and was dropped", { body: delivery.body.slice(0, 500) });
  metrics.poison.add({});
  ack(bus, delivery);
}

async function claim(
  { delivery, dispatch, span }: Arrived,
  ports: WorkerPorts,
): Promise<ClaimAnswer["kind"] | "unknown"> {
  const { bus, attempts, log } = ports;
  const { seq, attempt } = dispatch;
  let answer: Awaited<ReturnType<typeof attempts.claim>>;
  try {
    answer = await ports.running.whileAsked(
      seq,
      withinSpan(span, "claim task", () => attempts.claim({ seq, attempt, turn: turnOf(dispatch) })),
    );
  } catch (error) {
    log.warning("a claim failed; the message comes again", { ...about(dispatch), error });
    giveBack(bus, delivery, CLAIM_RETRY_MS);
    ports.audit.request(); // It may have been committed all the same.
    return "unknown";
  }
  if (answer.kind === "claimed") {
    if (answer.isShared) ports.turns.noteShared(dispatch);
    return "claimed";
  }
  ports.metrics.refusedClaims.add({ reason: answer.kind });
  span?.set({ "task.claim": answer.kind });
  if (answer.kind === "stale") ack(bus, delivery);
  // Held: its holder lives and will acknowledge, or is dead and the scheduler takes the claim back. The message comes
  // again after the ack wait, if it is still needed then.
  else if (answer.by === ports.session && !ports.running.has(seq)) ports.audit.request();
  return answer.kind;
}

interface Start extends Ready {
  readonly pass: Pass;
}

async function run(start: Start, ports: WorkerPorts): Promise<Ran> {
  const { delivery, dispatch, type, span } = start;
  const attempt = span?.child(`run ${dispatch.task_type}`, { attributes: aboutAttempt(dispatch) });
  const abort = new AbortController();
  const startedAtMs = performance.now();
  const timeoutMs = ports.timeoutMsOf(dispatch);
  ports.running.add({ dispatch, delivery, abort, startedAtMs });
  ports.tell(dispatch, { status: "running", phase: "running" });
  noteStart(delivery, dispatch, ports);
  try {
    const filled = await fill(dispatch, ports);
    if (!filled.ok) {
      attempt?.fail(filled.error.code, filled.error.message);
      return { end: { kind: "failed", error: filled.error, isRetryable: false } };
    }
    const context = {
      timeoutMs,
      taskId: dispatch.task_id,
      attempt: dispatch.attempt,
      payload: filled.payload,
      correlationId: dispatch.correlation_id,
      log: ports.taskLog(dispatch),
      ...(attempt !== undefined && { span: attempt }),
      reportProgress: (progress: number, note?: string) => ports.tellProgress(dispatch, progress, note),
    };
    const ran: Ran = start.isAlone
      ? await ports.quarantine.run({ type, context, signal: abort.signal })
      : { end: await runAttempt({ type, abort, timeoutMs, context }) };
    if (attempt !== undefined) noteEnd(attempt, ran.end);
    return ran;
  } finally {
    attempt?.end();
    ports.metrics.runSeconds.observe(
      { task_type: dispatch.task_type },
      (performance.now() - startedAtMs) / 1000,
    );
  }
}

function noteEnd(attempt: Span, end: RunEnd): void {
  // What an answer says stands in the task's error, for those who may see the task.
  if (end.kind === "failed")
    attempt.fail(end.error.code, end.error.code.startsWith("HTTP_STATUS_") ? "" : end.error.message);
  if (end.kind === "aborted") attempt.set({ "task.stopped": end.why });
}

/** By the clocks of this machine and the server's: what they differ by shows, and never as less than nothing. */
function noteStart({ reply }: Delivery, { lane, priority }: Dispatch, { metrics }: WorkerPorts): void {
  const sinceMs = publishedAtMs(reply);
  if (sinceMs === null) return;
  const waitedS = Math.max(0, Date.now() - sinceMs) / 1_000;
  metrics.startSeconds.observe({ lane, priority: String(priority) }, waitedS);
}

/** The message keeps its templates: the next attempt fills them again, and people see what was asked. */
async function fill({ has_templates, seq, payload }: Dispatch, { sql }: WorkerPorts): Promise<Filled> {
  return has_templates === true ? await fillPayload(sql, seq, payload) : { ok: true, payload };
}

async function settle({ delivery, dispatch, span }: Arrived, ran: Ran, ports: WorkerPorts): Promise<void> {
  const { bus, metrics } = ports;
  const { end } = ran;
  if (end.kind === "aborted" && end.why === "cancelled") return ack(bus, delivery); // The row is gone already.
  const { settlement, answer } = await writeOutcome({ dispatch, span }, ran, ports);
  metrics.outcomes.add({
    task_type: dispatch.task_type,
    outcome: answer.kind === "refused" ? "refused" : settlement.kind,
  });
  if (answer.kind === "refused") {
    ports.log.warning("the claim was lost while the task ran; its outcome was refused", about(dispatch));
    return ack(bus, delivery);
  }
  if (settlement.kind === "completed" || settlement.kind === "dead") {
    const labels = { lane: dispatch.lane, outcome: settlement.kind };
    metrics.taskSeconds.observe(labels, Math.max(0, Date.now() - submittedAtMs(dispatch.seq)) / 1_000);
  }
  if (answer.hasChildren === true) ports.endTeller.nudge();
  // The slot is free from here on: what follows repeats itself if this process dies now.
  ports.background(ports.followUp({ delivery, dispatch, settlement, readyAt: answer.readyAt }));
}
