import type { RedriveChoice } from "@millrace/client";
import { EXIT } from "../shell/exit-status.ts";
import { oneLine } from "../shell/printable.ts";
import { numberOption, readArguments, UsageError } from "../shell/read-arguments.ts";
import { readJson } from "../shell/read-json.ts";
import type { Action } from "./action.ts";

export const REDRIVE_OPTIONS = {
  type: { type: "string" },
  error: { type: "string" },
  all: { type: "boolean", default: false },
  limit: { type: "string" },
  rate: { type: "string" },
  patch: { type: "string" },
  json: { type: "boolean", default: false },
} as const;
const SKIPPED_SHOWN_MAX = 10;

export const redrive: Action = async (dlq, { args, say }) => {
  const { values, positionals: taskIds } = readArguments(args, REDRIVE_OPTIONS);
  const limit = numberOption("limit", values.limit);
  const rate = numberOption("rate", values.rate);
  const patch = values.patch === undefined ? undefined : await readPatch(values.patch);
  const answer = await dlq.redrive({
    ...chosen(taskIds, values),
    ...(limit !== undefined && { limit }),
    ...(rate !== undefined && { rate_per_second: rate }),
    ...(patch !== undefined && { payload_patch: patch }),
  });
  if (values.json) say(JSON.stringify(answer));
  else {
    say(`${answer.redriven} redriven, ${answer.skipped.length} skipped`);
    for (const { task_id: taskId, reason } of answer.skipped.slice(0, SKIPPED_SHOWN_MAX))
      say(`  ${taskId} ${oneLine(reason)}`);
  }
  // Whoever names tasks wants these; whoever names a kind is content with none.
  return taskIds.length > 0 && answer.skipped.length > 0 ? EXIT.failed : EXIT.done;
};

type Values = ReturnType<typeof readArguments<typeof REDRIVE_OPTIONS>>["values"];

/** "All" must be said: a forgotten id must not bring everything back. */
function chosen(taskIds: readonly string[], { type, error, all }: Values): RedriveChoice {
  const hasFilter = type !== undefined || error !== undefined;
  if (Number(taskIds.length > 0) + Number(hasFilter) + Number(all) !== 1)
    throw new UsageError("redrive needs either ids, or --type and --error, or --all");
  if (taskIds.length > 0) return { task_ids: taskIds };
  return {
    filter: { ...(type !== undefined && { task_type: type }), ...(error !== undefined && { error }) },
  };
}

async function readPatch(given: string) {
  const patch = await readJson("patch", given);
  if (typeof patch === "object" && patch !== null && !isArray(patch)) return patch;
  throw new UsageError("--patch must be a JSON object, such as '{\"failure_rate\":0}'");
}

/** Array.isArray does not narrow readonly arrays. */
function isArray(value: object): value is readonly unknown[] {
  return Array.isArray(value);
}
