import { ack, type Delivery, giveBack, publishedAtMs } from "@millrace/bus";
import { type AttemptOutcome, type Filled, verdictFor } from "@millrace/core";
import { ALONE_TURN_MS } from "@millrace/core/limits";
import { type Span, withinSpan } from "@millrace/observe";
import { backoffFromWords, type Dispatch, decodeDispatch, submittedAtMs } from "@millrace/protocol";
import { fillPayload, lastWord, type SettleAnswer, type Settlement } from "@millrace/store";
import { about } from "./about.ts";
import { aboutAttempt, SETTLING, startDeliverySpan } from "./delivery-span.ts";
import { type Pass, passGuards } from "./guards/pass-guards.ts";
import { parkDelivery } from "./park.ts";
import type { WorkerPorts } from "./ports.ts";
import { type RunEnd, runAttempt } from "./run-attempt.ts";
import { sealDelivery } from "./seal.ts";
import { shelveDelivery } from "./shelve.ts";
import type { TaskType } from "./task-type.ts";

const CLAIM_RETRY_MS = 1_000;

/**
 * The life of one delivery: read, claim, run, settle, follow up, acknowledge. Never rejects; the slot is free when it
 * resolves. Nothing runs before the claim is committed, and nothing is acknowledged before the outcome is.
 */
export async function handleDelivery(delivery: Delivery, ports: WorkerPorts): Promise<void> {
  const dispatch = decodeDispatch(delivery.body);
  if (dispatch === null) return dropPoison(delivery, ports);
  const span = ports.tracing && startDeliverySpan(ports.tracing, delivery, dispatch);
  if (span === undefined) return await handleDispatch({ delivery, dispatch }, ports);
  try {
    // From here on it goes by this span: in log lines, and in the message of the next attempt.
    await handleDispatch({ delivery, dispatch: { ...dispatch, trace_context: span.context }, span }, ports);
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
}

async function handleDispatch(arrived: Arrived, ports: WorkerPorts): Promise<void> {
  const { delivery, dispatch } = arrived;
  if (ports.pauses.isTypePaused(dispatch.task_type) && (await parkDelivery(delivery, dispatch, ports)))
    return;
  const type = ports.types.get(dispatch.task_type);
  if (type === undefined) return await shelveDelivery(delivery, dispatch, ports);
  if (!ports.quarantine.concerns(dispatch, type)) return await start({ ...arrived, type }, ports);
  // One at a time; another worker may have the place.
  if (!ports.quarantine.enter()) return giveBack(ports.bus, delivery, ALONE_TURN_MS);
  try {
    await start({ ...arrived, type, isAlone: true }, ports);
  } finally {
    ports.quarantine.leave();
  }
}

interface Ready extends Arrived {
  readonly type: TaskType;
  /** In quarantine, where it has the place. */
  readonly isAlone?: true;
}

async function start(waiting: Ready, ports: WorkerPorts): Promise<void> {
  const ready = await begin(waiting, ports);
  if (ready === null) return;
  const pass = await passGuards(ready.delivery, ready.dispatch, ports);
  if (pass === null) return;
  if (await claim(ready, ports)) await runClaimed({ ...ready, pass }, ports);
  else pass.unused();
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

async function claim({ delivery, dispatch, span }: Arrived, ports: WorkerPorts): Promise<boolean> {
  const { bus, attempts, log } = ports;
  let answer: Awaited<ReturnType<typeof attempts.claim>>;
  try {
    answer = await ports.running.whileAsked(
      dispatch.seq,
      withinSpan(span, "claim task", () => attempts.claim({ seq: dispatch.seq, attempt: dispatch.attempt })),
    );
  } catch (error) {
    log.warning("a claim failed; the message comes again", { ...about(dispatch), error });
    giveBack(bus, delivery, CLAIM_RETRY_MS);
    ports.audit.request(); // It may have been committed all the same.
    return false;
  }
  if (answer.kind === "claimed") return true;
  ports.metrics.refusedClaims.add({ reason: answer.kind });
  span?.set({ "task.claim": answer.kind });
  if (answer.kind === "stale") ack(bus, delivery);
  // Held: its holder lives and will acknowledge, or is dead and the scheduler takes the claim back. The message comes
  // again after the ack wait, if it is still needed then.
  else if (answer.by === ports.session && !ports.running.has(dispatch.seq)) ports.audit.request();
  return false;
}

interface Start extends Ready {
  readonly pass: Pass;
}

/** `log`: the end of what it wrote, when it ran alone. */
interface Ran {
  readonly end: RunEnd;
  readonly log?: string;
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
  const { settlement, answer } = await write({ dispatch, span }, ran, ports);
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

interface Written {
  readonly settlement: Settlement;
  readonly answer: SettleAnswer;
}

/** An outcome that the database refuses for what it says is a failure, counted as one: it would not end otherwise. */
async function write(
  { dispatch, span }: Pick<Arrived, "dispatch" | "span">,
  { end, log }: Ran,
  ports: WorkerPorts,
): Promise<Written> {
  const settlement = { ...settlementOf(dispatch, end, ports), ...(log !== undefined && { log }) };
  const settled = (word: Settlement) =>
    withinSpan(span, SETTLING[word.kind], () => ports.attempts.settle(word));
  try {
    return { settlement, answer: await settled(settlement) };
  } catch (error) {
    ports.log.error("the database refused an outcome; the attempt counts as failed", {
      ...about(dispatch),
      error,
    });
    const message = "the database refused what the attempt ended with";
    const failed = {
      kind: "failed",
      error: { code: "OUTCOME_NOT_STORABLE", message },
      isRetryable: true,
    } as const;
    const instead = settlementOf(dispatch, failed, ports);
    return { settlement: instead, answer: await settled(instead) };
  }
}

function settlementOf(dispatch: Dispatch, end: RunEnd, ports: WorkerPorts): Settlement {
  return lastWord(wordOf(dispatch, end, ports));
}

function wordOf(dispatch: Dispatch, end: RunEnd, ports: WorkerPorts): Settlement {
  const { seq, attempt } = dispatch;
  if (end.kind === "aborted") return { seq, attempt, kind: "returned", delay_ms: 0 };
  const verdict = verdictFor({
    outcome: end satisfies AttemptOutcome,
    failures: dispatch.failures,
    maxAttempts: dispatch.max_attempts,
    backoff: backoffFromWords(dispatch.backoff),
    random: ports.random,
  });
  if (verdict.kind === "complete") return { seq, attempt, kind: "completed", result: verdict.result };
  const error = { error_code: verdict.error.code, error_message: verdict.error.message };
  if (verdict.kind === "bury") return { seq, attempt, kind: "dead", ...error };
  return { seq, attempt, kind: "failed", ...error, delay_ms: verdict.delayMs };
}
