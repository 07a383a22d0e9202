import type { Task } from "@millrace/client";
import { countTasks } from "../counts.ts";
import { followTasks } from "../follow-tasks.ts";
import { type Claim, type Part, QUICK_BACKOFF, type Stage } from "../part.ts";
import { numberedIds, submitAll } from "../submit-all.ts";

const TASKS = 5;
const ATTEMPTS_MAX = 2;

/** Tasks that cannot succeed, until somebody looks into the dead letters, mends their payload and sends them again. */
export const deadLetters: Part = {
  name: "dead letters",
  story: `${TASKS} tasks that always fail; then a redrive whose payload_patch heals them`,
  async run(stage) {
    const ids = numberedIds(`${stage.run}-doomed`, TASKS);
    const error = `the warehouse of ${stage.run} is closed`;
    await submitAll(
      stage,
      ids.map((taskId) => ({
        ...{ task_id: taskId, task_type: "simulate", max_attempts: ATTEMPTS_MAX, backoff: QUICK_BACKOFF },
        payload: { failure_rate: 1, error },
      })),
    );
    await followTasks(stage, ids);
    const buried = await areBuried(stage, ids, error);
    const { redriven } = await stage.client.dlq.redrive(
      { filter: { error }, payload_patch: { failure_rate: 0 } },
      { signal: stage.signal },
    );
    stage.board.line(`  ${redriven} redriven with failure_rate 0`);
    const tasks = await followTasks(stage, ids);
    return { counts: countTasks(tasks.values()), claims: [buried, await areHealed(stage, tasks, error)] };
  },
};

/** With payload, and the error of every attempt. */
async function areBuried({ client, signal }: Stage, ids: readonly string[], error: string): Promise<Claim> {
  const { items } = await client.dlq.list({ error, limit: TASKS + 1 }, { signal });
  const found = new Set(items.map((letter) => letter.task_id));
  const letter = found.has(ids[0] ?? "") ? await client.dlq.get(ids[0] ?? "", { signal }) : undefined;
  const errors = letter?.history.filter((attempt) => attempt.error?.message === error).length ?? 0;
  return {
    claim: `all ${TASKS} are dead letters, each attempt with its error`,
    holds: items.length === TASKS && ids.every((id) => found.has(id)) && errors >= ATTEMPTS_MAX,
    seen: `${items.length} dead letters, ${errors} errors on the first`,
  };
}

async function areHealed(
  { client, signal }: Stage,
  tasks: ReadonlyMap<string, Task>,
  error: string,
): Promise<Claim> {
  const completed = [...tasks.values()].filter(({ status }) => status === "completed").length;
  const { items } = await client.dlq.list({ error, limit: TASKS }, { signal });
  return {
    claim: "redriven with a mended payload, all complete and leave the dead letters",
    holds: completed === TASKS && items.length === 0,
    seen: `${completed} completed, ${items.length} dead letters left`,
  };
}
