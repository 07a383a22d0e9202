import type { Task } from "@millrace/client";
import { countTasks } from "../counts.ts";
import { type FlakyApi, moodOf, startFlakyApi } from "../flaky-api.ts";
import { followTasks } from "../follow-tasks.ts";
import { type Claim, type Part, QUICK_BACKOFF } from "../part.ts";
import { numberedIds, submitAll } from "../submit-all.ts";

const TASKS = 100;
const ATTEMPTS_MAX = 12;

/** An external API that fails, asks for patience and loses answers: each task still takes effect exactly once there. */
export const flakyCalls: Part = {
  name: "external API",
  story: `${TASKS} http.request tasks charge money at an API that fails a quarter of the time, sometimes after it has charged`,
  async run(stage) {
    const api = await startFlakyApi(stage.seed);
    try {
      const ids = numberedIds(`${stage.run}-pay`, TASKS);
      await submitAll(
        stage,
        ids.map((taskId, index) => ({
          ...{
            task_id: taskId,
            task_type: "http.request",
            max_attempts: ATTEMPTS_MAX,
            backoff: QUICK_BACKOFF,
          },
          payload: { url: api.chargeUrl, method: "POST", body: { amount: index + 1 } },
        })),
      );
      const tasks = await followTasks(stage, ids);
      const claims = [chargedOnce(ids, api), endedAsPredicted(ids, tasks, stage.seed), waited(api)];
      return { counts: countTasks(tasks.values()), claims };
    } finally {
      await api.stop();
    }
  },
};

/** Each amount is different, so that the sum would not be right by accident. */
function chargedOnce(ids: readonly string[], api: FlakyApi): Claim {
  const expected = (TASKS * (TASKS + 1)) / 2;
  const sum = [...api.charges.values()].reduce((total, amount) => total + amount, 0);
  const missing = ids.filter((id) => !api.charges.has(id)).length;
  const strangers = [...api.calls.keys()].filter((key) => !ids.includes(key)).length + api.callsWithoutKey();
  return {
    claim: `the API charged each of the ${TASKS} exactly once, by its Idempotency-Key`,
    holds: missing === 0 && strangers === 0 && sum === expected && api.charges.size === TASKS,
    seen: `${api.charges.size} charges, ${sum} of ${expected} in all; ${api.lostAnswers()} answers were lost on the way`,
  };
}

function endedAsPredicted(ids: readonly string[], tasks: ReadonlyMap<string, Task>, seed: string): Claim {
  const wrong = ids.filter((id) => {
    const task = tasks.get(id);
    // A worker that died in between may have made a call more or less; then only the end is foretold.
    const calls = callsNeeded(seed, id);
    return task?.status !== (calls > ATTEMPTS_MAX ? "failed" : "completed");
  });
  const completed = [...tasks.values()].filter(({ status }) => status === "completed").length;
  const first = wrong[0] === undefined ? "" : `; ${wrong.length} ended otherwise, the first one ${wrong[0]}`;
  return {
    claim: "each ends as the API's dice say",
    holds: wrong.length === 0,
    seen: `${completed} of ${TASKS} completed${first}`,
  };
}

/** Calls until the API answers: how often it will be called, before it was. */
function callsNeeded(seed: string, key: string): number {
  let call = 1;
  while (call <= ATTEMPTS_MAX && moodOf(seed, key, call) !== "answer") call += 1;
  return call;
}

function waited(api: FlakyApi): Claim {
  const hasty = api.hastyCalls();
  return {
    claim: "nobody calls again before the API's Retry-After has passed",
    holds: hasty === 0,
    seen: hasty === 0 ? "nobody did" : `${hasty} calls came too soon`,
  };
}
