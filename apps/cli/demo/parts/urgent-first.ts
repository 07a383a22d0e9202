import type { Task } from "@millrace/client";
import { countTasks } from "../counts.ts";
import { followTasks } from "../follow-tasks.ts";
import type { Claim, Part } from "../part.ts";
import { numberedIds, submitAll } from "../submit-all.ts";

const PATIENT = 200;
const URGENT = 10;
const DURATION_MS = 60;
/** With fewer waiting there is no queue to overtake: this stack has slots enough for all of them. */
const WAITING_MIN = 50;
/** What an urgent task may let pass: slots that were just taken, and the fair turns that keep p1 from starving. */
const OVERTAKEN_SHARE_MIN = 0.6;

/** Priority: what is urgent overtakes what was there before. */
export const urgentFirst: Part = {
  name: "priorities",
  story: `${PATIENT} tasks of priority 1 queue up, then come ${URGENT} of priority 10`,
  async run(stage) {
    const patient = numberedIds(`${stage.run}-p1`, PATIENT);
    const urgent = numberedIds(`${stage.run}-p10`, URGENT);
    const payload = { duration_ms: DURATION_MS, failure_rate: 0 };
    const toTask = (priority: number) => (taskId: string) => ({
      ...{ task_id: taskId, task_type: "simulate", priority, payload },
    });
    await submitAll(stage, patient.map(toTask(1)));
    await submitAll(stage, urgent.map(toTask(10)));
    const tasks = await followTasks(stage, [...patient, ...urgent]);
    const of = (ids: readonly string[]) => ids.flatMap((id) => tasks.get(id) ?? []);
    return {
      counts: countTasks(tasks.values()),
      claims: [allCompleted(tasks), overtake(of(patient), of(urgent))],
    };
  },
};

function allCompleted(tasks: ReadonlyMap<string, Task>): Claim {
  const completed = [...tasks.values()].filter(({ status }) => status === "completed").length;
  const all = PATIENT + URGENT;
  return { claim: "urgent or not, all complete", holds: completed === all, seen: `${completed} of ${all}` };
}

function overtake(patient: readonly Task[], urgent: readonly Task[]): Claim {
  const claim = "each urgent task starts before most of those that waited when it came";
  const races = urgent.map((task) => {
    const cameMs = Date.parse(task.created_at);
    const startedMs = startOf(task);
    const waiting = patient.filter((other) => startOf(other) > cameMs);
    return {
      waiting: waiting.length,
      overtaken: waiting.filter((other) => startOf(other) > startedMs).length,
    };
  });
  const waiting = Math.min(...races.map((race) => race.waiting));
  if (waiting < WAITING_MIN)
    return { claim, holds: true, seen: `only ${waiting} waited: there are slots enough for everybody` };
  const overtaken = Math.min(...races.map((race) => race.overtaken));
  const worst = Math.max(...urgent.map((task) => startOf(task) - Date.parse(task.created_at)));
  return {
    claim,
    holds: races.every((race) => race.overtaken >= race.waiting * OVERTAKEN_SHARE_MIN),
    seen: `each overtook ${overtaken} or more of ${waiting}, and started within ${worst} ms`,
  };
}

/** Infinity: not started when it was seen last. */
function startOf(task: Task): number {
  return task.started_at === null ? Number.POSITIVE_INFINITY : Date.parse(task.started_at);
}
