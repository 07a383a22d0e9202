import { hasEndedParents } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";

/**
 * Releases, or fails, the children of tasks whose worker died after it had settled them. Workers and the api do this
 * themselves within milliseconds: usually there is nothing here, which costs one look at an empty table.
 */
export async function advance(ports: SchedulerPorts): Promise<boolean> {
  if (!(await hasEndedParents(ports.sql))) return false;
  const parents = await ports.endTeller.tellAll();
  if (parents > 0) ports.log.debug("children were told of ended tasks", { parents });
  return false;
}
