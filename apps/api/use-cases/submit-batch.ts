import { Fault, type FaultCode, type FieldProblem, type Identity } from "@millrace/core";
import { TRACED_TASKS_PER_REQUEST_MAX } from "@millrace/core/limits";
import { type Span, withinSpan } from "@millrace/observe";
import {
  findTasks,
  type GraphSubmission,
  isInGraph,
  isKeyed,
  joinAnswers,
  type NewTask,
  orStoreFault,
  type Submission,
  submitGraph,
  submitKeyed,
  submitMixed,
  type TaskRecord,
} from "@millrace/store";
import type { ValueError } from "@sinclair/typebox/compiler";
import { problemsOf } from "../http/validation.ts";
import type { Ports } from "../ports.ts";
import { graphErrors, requireFewEdges } from "../tasks/graph-problems.ts";
import { repeated } from "../tasks/intake.ts";
import { readTask } from "../tasks/read-task.ts";
import { isSameTask } from "../tasks/same-task.ts";
import { compiledTaskWish, type TaskWish } from "../tasks/task-wish.ts";

/** One item of a batch as it came: a value, or why there is none. */
export type BatchItem = { readonly value: unknown } | { readonly problem: BatchProblem };

export interface BatchProblem {
  readonly code: FaultCode;
  readonly detail: string;
  readonly errors: readonly FieldProblem[];
}

export interface BatchVerdict {
  readonly index: number;
  /** As if the task had been sent alone: 201 new, 200 known, 4xx refused. */
  readonly status: number;
  /** Of the task that stands for the item now. */
  readonly task_id: string | null;
  /** Another task holds its key. */
  readonly deduplicated?: true;
  readonly problem?: BatchProblem;
}

export interface BatchSubmission {
  readonly items: readonly BatchItem[];
  /** All or none. */
  readonly isAtomic: boolean;
  readonly requestBytes: number;
  readonly correlationId: string;
  readonly span?: Span | undefined;
}

/** An item can break a rule once for each of its bytes; nobody reads more than a few. */
const ERRORS_PER_ITEM_MAX = 20;
/** Errors that the refusal of a whole batch lists. */
const ERRORS_LISTED_MAX = 100;

type Answer = Submission | GraphSubmission;

interface Accepted {
  readonly index: number;
  readonly task: NewTask;
  readonly isDelayed: boolean;
}

/** Stores what is right and says of each item what became of it; with `isAtomic` a single wrong item stops them all. */
export async function submitBatch(
  ports: Ports,
  identity: Identity,
  submission: BatchSubmission,
): Promise<readonly BatchVerdict[]> {
  const verdicts: BatchVerdict[] = [];
  const accepted: Accepted[] = [];
  for (const [index, item] of submission.items.entries()) {
    const read = readItem(ports, identity, { item, index, submission });
    if ("problem" in read) verdicts.push(verdictOf(index, idOf(item), read.problem));
    else accepted.push(read);
  }
  const keyedParents = findKeyedParents(accepted);
  verdicts.push(...keyedParents.values());
  if (submission.isAtomic) refuseAny(verdicts);
  const rest = keyedParents.size === 0 ? accepted : accepted.filter(({ index }) => !keyedParents.has(index));
  const stored = await withinSpan(submission.span, "store tasks", () =>
    storeAll(ports, rest, { submission, refused: verdicts }),
  );
  return [...verdicts, ...stored].sort((a, b) => a.index - b.index);
}

/** A child names its parent by the id that is sent along, and who has a key may not be stored under it. */
function findKeyedParents(accepted: readonly Accepted[]): ReadonlyMap<number, BatchVerdict> {
  const keyed = accepted.filter(({ task }) => isKeyed(task));
  if (keyed.length === 0) return new Map();
  const parents = new Set(accepted.flatMap(({ task }) => task.dependencies ?? []));
  return new Map(
    keyed
      .filter(({ task }) => parents.has(task.task_id))
      .map(({ index, task }) => {
        const message = "must not stand on a task that others of its batch depend on: send it before them";
        const problem = problemFrom("VALIDATION_FAILED", [{ path: `/${task.dedup?.kind}`, message }]);
        return [index, verdictOf(index, task.task_id, problem)];
      }),
  );
}

interface ItemOf {
  readonly item: BatchItem;
  readonly index: number;
  readonly submission: BatchSubmission;
}

function readItem(
  ports: Ports,
  identity: Identity,
  of: ItemOf,
): Accepted | { readonly problem: BatchProblem } {
  const { item, index, submission } = of;
  if ("problem" in item) return item;
  if (!compiledTaskWish.Check(item.value)) {
    return { problem: problemFrom("VALIDATION_FAILED", problemsOf(firstErrors(item.value))) };
  }
  const wish: TaskWish = item.value;
  const { correlationId, requestBytes, span } = submission;
  const traceContext = index < TRACED_TASKS_PER_REQUEST_MAX ? span?.context : undefined;
  const submitter = { ownerId: identity.userId, correlationId, requestBytes, traceContext };
  const reading = readTask(wish, submitter, ports.taskRules);
  if (!reading.ok) return { problem: problemFrom(reading.code, reading.errors) };
  return { index, task: reading.task, isDelayed: wish.delay !== undefined };
}

function firstErrors(value: unknown): readonly ValueError[] {
  const errors: ValueError[] = [];
  for (const error of compiledTaskWish.Errors(value)) if (errors.push(error) >= ERRORS_PER_ITEM_MAX) break;
  return errors;
}

function problemFrom(code: FaultCode, errors: readonly FieldProblem[]): BatchProblem {
  const [first] = errors;
  return {
    code,
    detail: first === undefined ? "is not valid" : `${first.path} ${first.message}`.trim(),
    errors,
  };
}

function verdictOf(index: number, taskId: string | null, problem: BatchProblem): BatchVerdict {
  return { index, status: new Fault(problem.code, "").status, task_id: taskId, problem };
}

function idOf(item: BatchItem): string | null {
  if (!("value" in item) || typeof item.value !== "object" || item.value === null) return null;
  return "task_id" in item.value && typeof item.value.task_id === "string" ? item.value.task_id : null;
}

interface Rest {
  readonly submission: BatchSubmission;
  readonly refused: readonly BatchVerdict[];
}

function storeAll(
  ports: Ports,
  accepted: readonly Accepted[],
  { submission, refused }: Rest,
): Promise<readonly BatchVerdict[]> {
  const { isAtomic, requestBytes } = submission;
  const ids = new Set(refused.flatMap(({ task_id }) => task_id ?? []));
  if (accepted.some(({ task }) => isInGraph(task)))
    return storeGraph(ports, accepted, { isAtomic, requestBytes, refused: ids });
  return isAtomic ? storeAtomically(ports, accepted) : storeEach(ports, accepted, requestBytes);
}

interface GraphRules {
  readonly isAtomic: boolean;
  readonly requestBytes: number;
  /** Ids of items that were refused already. */
  readonly refused: ReadonlySet<string>;
}

/** The whole graph in one transaction: a child is never there without its parents. */
async function storeGraph(
  ports: Ports,
  accepted: readonly Accepted[],
  { isAtomic, requestBytes, refused }: GraphRules,
): Promise<readonly BatchVerdict[]> {
  const tasks = accepted.map(({ task }) => task);
  requireFewEdges(tasks);
  const keyed = tasks.filter(isKeyed);
  const others = accepted.filter(({ task }) => !isKeyed(task));
  const isSame = (index: number, stored: TaskRecord): boolean => {
    const item = others[index];
    return item !== undefined && isSameTask(item.task, stored, item.isDelayed);
  };
  const { answers, verdicts } = await ports.intake.transact(async (transaction) => {
    const fromKeys = keyed.length === 0 ? [] : await submitKeyed(transaction, keyed);
    const graph = { tasks: others.map(({ task }) => task), refused, isSame };
    const answers = joinAnswers<Answer>(tasks, fromKeys, await submitGraph(transaction, graph));
    const verdicts = await verdictsFor({ sql: transaction }, accepted, answers);
    if (isAtomic) refuseAny(verdicts); // Throwing here takes everything back.
    return { answers, verdicts };
  }, requestBytes);
  ports.intake.dispatch(tasks, answers);
  ports.intake.tellEnds(); // A parent may have failed already.
  return verdicts;
}

async function storeEach(
  ports: Ports,
  accepted: readonly Accepted[],
  bytes: number,
): Promise<readonly BatchVerdict[]> {
  const answers = await ports.intake.submit(
    accepted.map(({ task }) => task),
    bytes,
  );
  return await verdictsFor(ports, accepted, answers);
}

async function storeAtomically(
  ports: Ports,
  accepted: readonly Accepted[],
): Promise<readonly BatchVerdict[]> {
  const tasks = accepted.map(({ task }) => task);
  const store = () =>
    ports.hotSql.begin(async (transaction) => {
      const answers = await submitMixed(transaction, tasks);
      const verdicts = await verdictsFor({ sql: transaction }, accepted, answers);
      refuseAny(verdicts); // Throwing here takes everything back.
      return { answers, verdicts };
    });
  const { answers, verdicts } = await orStoreFault(repeated(store));
  ports.intake.dispatch(tasks, answers);
  return verdicts;
}

/** Ids that were taken: by the very same task, which is fine, or by another one. */
async function verdictsFor(
  { sql }: { readonly sql: Parameters<typeof findTasks>[0] },
  accepted: readonly Accepted[],
  answers: readonly Answer[],
): Promise<readonly BatchVerdict[]> {
  const taken = accepted.filter((_, position) => answers[position]?.kind === "taken");
  const stored =
    taken.length === 0
      ? []
      : await orStoreFault(
          findTasks(
            sql,
            taken.map(({ task }) => task.task_id),
          ),
        );
  const storedById = new Map(stored.map((record) => [record.taskId, record]));
  return accepted.map(({ index, task, isDelayed }, position) => {
    const answer = answers[position];
    if (answer?.kind === "stored") return { index, status: 201, task_id: task.task_id };
    if (answer?.kind === "deduplicated")
      return { index, status: 200, task_id: answer.taskId, deduplicated: true };
    if (answer?.kind === "refused")
      return verdictOf(
        index,
        task.task_id,
        problemFrom("VALIDATION_FAILED", graphErrors(task, answer.problem)),
      );
    const record = storedById.get(task.task_id);
    if (record !== undefined && isSameTask(task, record, isDelayed))
      return { index, status: 200, task_id: task.task_id };
    const errors = [{ path: "/task_id", message: "belongs to another task" }];
    return verdictOf(index, task.task_id, problemFrom("TASK_ID_CONFLICT", errors));
  });
}

function refuseAny(verdicts: readonly BatchVerdict[]): void {
  const refused = verdicts.filter((verdict) => verdict.problem !== undefined);
  const [first] = refused;
  if (first?.problem === undefined) return;
  const errors = refused
    .slice(0, ERRORS_LISTED_MAX)
    .flatMap(({ index, problem }) =>
      (problem?.errors ?? []).map(({ path, message }) => ({ path: `/${index}${path}`, message })),
    )
    .slice(0, ERRORS_LISTED_MAX);
  const detail = `nothing was stored, because item ${first.index} was refused: ${first.problem.detail}`;
  throw new Fault(first.problem.code, detail, { errors });
}
