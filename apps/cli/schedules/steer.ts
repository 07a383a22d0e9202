import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";

type Schedules = Parameters<Action>[0];
type Told = readonly [json: unknown, text: string];

const STEPS = {
  rm: async (schedules: Schedules, id: string): Promise<Told> => {
    await schedules.remove(id);
    return [{ schedule_id: id }, `${id} is removed; its tasks stay`];
  },
  pause: async (schedules: Schedules, id: string): Promise<Told> => [
    await schedules.pause(id),
    `${id} is paused`,
  ],
  resume: async (schedules: Schedules, id: string): Promise<Told> => {
    const schedule = await schedules.resume(id);
    const [next] = schedule.next_runs;
    return [schedule, next === undefined ? `${id} is over` : `${id} runs at ${next}`];
  },
  run: async (schedules: Schedules, id: string): Promise<Told> => {
    const taskId = await schedules.trigger(id);
    return [{ task_id: taskId }, `${taskId} is queued`];
  },
} as const;

export const STEER_OPTIONS = { json: { type: "boolean", default: false } } as const;

/** An action that takes the id of one schedule. */
export function steer(step: keyof typeof STEPS): Action {
  return async (schedules, { args, say }) => {
    const { values, positionals: rest } = readArguments(args, STEER_OPTIONS);
    const [id] = positionals(rest, ["<id>"]);
    const [json, text] = await STEPS[step](schedules, id);
    say(values.json ? JSON.stringify(json) : text);
    return EXIT.done;
  };
}
