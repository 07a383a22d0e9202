import type { Task } from "@millrace/client";
import { countTasks } from "../counts.ts";
import { followTasks } from "../follow-tasks.ts";
import { type Claim, type Part, QUICK_BACKOFF, type Stage } from "../part.ts";
import { type Dice, predictSimulated } from "../predict.ts";
import { numberedIds, submitAll } from "../submit-all.ts";

const TASKS = 300;
const FAILURE_RATE = 0.3;
const ATTEMPTS_MAX = 3;

/** Retries and dead letters: what the dice say beforehand is what happens, task by task, attempt by attempt. */
export const simulatedFailures: Part = {
  name: "failures",
  story: `${TASKS} tasks whose attempts fail ${FAILURE_RATE * 100} % of the time; after ${ATTEMPTS_MAX} failures a task is dead`,
  async run(stage) {
    const ids = numberedIds(`${stage.run}-sim`, TASKS);
    await submitAll(
      stage,
      ids.map((taskId) => ({
        ...{ task_id: taskId, task_type: "simulate", max_attempts: ATTEMPTS_MAX, backoff: QUICK_BACKOFF },
        payload: { duration_ms: 20, failure_rate: FAILURE_RATE, seed: stage.seed },
      })),
    );
    const tasks = await followTasks(stage, ids);
    return { counts: countTasks(tasks.values()), claims: [await asTheSeedSays(stage, ids, tasks)] };
  },
};

async function asTheSeedSays(
  stage: Stage,
  ids: readonly string[],
  tasks: ReadonlyMap<string, Task>,
): Promise<Claim> {
  const claim = `each of the ${TASKS} ends as its seed says, after as many attempts`;
  const wrong: string[] = [];
  let dead = 0;
  for (const taskId of ids) {
    const dice = { seed: stage.seed, taskId, failureRate: FAILURE_RATE, maxAttempts: ATTEMPTS_MAX };
    const predicted = predictSimulated(dice);
    if (predicted.status === "failed") dead += 1;
    const task = tasks.get(taskId);
    if (task?.status === predicted.status && task.attempts === predicted.attempt) continue;
    if (task === undefined || !(await isExplainedByLosses(stage, task, dice))) wrong.push(taskId);
  }
  const expected = `${TASKS - dead} completed, ${dead} dead`;
  if (wrong.length === 0) return { claim, holds: true, seen: expected };
  const seen = `${wrong.length} did not, the first one ${wrong[0]}; expected ${expected}`;
  return { claim, holds: false, seen };
}

/** An attempt that was lost with its worker, or given back, rolled no dice; the next one has the next number. */
async function isExplainedByLosses({ client, signal }: Stage, task: Task, dice: Dice): Promise<boolean> {
  const attempts = await client.tasks.attempts(task.task_id, { signal });
  const isVoid = (status: string) => status === "lost" || status === "returned";
  const voidAttempts = new Set(attempts.filter(({ status }) => isVoid(status)).map(({ attempt }) => attempt));
  if (voidAttempts.size === 0) return false;
  const predicted = predictSimulated({ ...dice, voidAttempts });
  const last = attempts.at(-1)?.attempt;
  return task.status === predicted.status && last === predicted.attempt;
}
