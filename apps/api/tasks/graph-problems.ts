import { describeCycle, Fault, type FieldProblem, type GraphProblem } from "@millrace/core";
import { BATCH_EDGES_MAX } from "@millrace/core/limits";
import type { NewTask } from "@millrace/store";

/** Unknown ids that one item's refusal names. */
const NAMED_MAX = 20;

/** Why a task cannot take its place in the graph, in the words of its own fields. */
export function graphErrors(task: NewTask, problem: GraphProblem): readonly FieldProblem[] {
  const at = (id: string) => `/dependencies/${task.dependencies?.indexOf(id) ?? 0}`;
  switch (problem.kind) {
    case "unknown":
      return problem.ids.slice(0, NAMED_MAX).map((id) => ({
        path: at(id),
        message: `names ${id}, which is neither a task of yours nor in the same batch`,
      }));
    case "cycle":
      return [{ path: "/dependencies", message: `closes a cycle: ${describeCycle(problem.path)}` }];
    case "parent_refused":
      return [{ path: at(problem.id), message: `names ${problem.id}, which was refused itself` }];
  }
}

/** Throws VALIDATION_FAILED when the tasks of one request name more dependencies than it may. */
export function requireFewEdges(tasks: readonly NewTask[]): void {
  const edges = tasks.reduce((sum, { dependencies }) => sum + (dependencies?.length ?? 0), 0);
  if (edges <= BATCH_EDGES_MAX) return;
  const message = `the tasks of one batch may name ${BATCH_EDGES_MAX} dependencies together; these name ${edges}`;
  throw new Fault("VALIDATION_FAILED", message, { errors: [{ path: "", message }] });
}
