/** Graphs of tasks, before they are stored: who depends on whom, and who therefore cannot be taken. Pure; O(nodes + edges). */

export interface GraphNode {
  readonly id: string;
  /** Ids of its parents. */
  readonly dependencies: readonly string[];
}

export type GraphProblem =
  /** Neither in the batch nor a task of the owner. */
  | { readonly kind: "unknown"; readonly ids: readonly string[] }
  /** Each depends on the next; the last is the first again. */
  | { readonly kind: "cycle"; readonly path: readonly string[] }
  /** A parent in the same batch was refused. */
  | { readonly kind: "parent_refused"; readonly id: string };

export interface GraphSurroundings {
  /** Whether a task of the owner has this id already. */
  readonly isKnown: (id: string) => boolean;
  /** Ids of the batch's items that were refused for what they are. */
  readonly refused: ReadonlySet<string>;
}

/** What is wrong with one task's list of dependencies by itself; the index of the offender. */
export function findListProblem(
  id: string | undefined,
  dependencies: readonly string[],
): { readonly index: number; readonly kind: "self" | "twice" } | null {
  const seen = new Set<string>();
  for (const [index, dependency] of dependencies.entries()) {
    if (dependency === id) return { index, kind: "self" };
    if (seen.has(dependency)) return { index, kind: "twice" };
    seen.add(dependency);
  }
  return null;
}

/**
 * Which nodes cannot be taken, and why; whoever depends on one of them cannot either. Ids are unique among the nodes.
 * A node that is on several cycles is told of one of them.
 */
export function judgeGraph(
  nodes: readonly GraphNode[],
  { isKnown, refused }: GraphSurroundings,
): ReadonlyMap<string, GraphProblem> {
  const inBatch = new Map(nodes.map((node) => [node.id, node]));
  const problems = new Map<string, GraphProblem>();
  for (const { id, dependencies } of nodes) {
    const outside = dependencies.filter((parent) => !inBatch.has(parent));
    const refusedParent = outside.find((parent) => refused.has(parent));
    const unknown = outside.filter((parent) => !isKnown(parent));
    if (refusedParent !== undefined) problems.set(id, { kind: "parent_refused", id: refusedParent });
    else if (unknown.length > 0) problems.set(id, { kind: "unknown", ids: unknown });
  }
  for (const path of findCycles(nodes)) for (const id of path) problems.set(id, { kind: "cycle", path });
  for (const [id, parent] of spread(problems.keys(), childrenOf(nodes)))
    problems.set(id, { kind: "parent_refused", id: parent });
  return problems;
}

/** Everything below the starts, each with the parent through which it was met; the starts themselves are left out. */
export function spread<Id>(
  starts: Iterable<Id>,
  children: ReadonlyMap<Id, readonly Id[]>,
): ReadonlyMap<Id, Id> {
  const queue = [...starts];
  const seen = new Set(queue);
  const met = new Map<Id, Id>();
  for (const parent of queue) {
    for (const child of children.get(parent) ?? []) {
      if (seen.has(child)) continue;
      seen.add(child);
      met.set(child, parent);
      queue.push(child); // The loop goes on with what is added.
    }
  }
  return met;
}

function childrenOf(nodes: readonly GraphNode[]): ReadonlyMap<string, readonly string[]> {
  const children = new Map<string, string[]>();
  for (const { id, dependencies } of nodes) {
    for (const parent of dependencies) {
      const list = children.get(parent);
      if (list === undefined) children.set(parent, [id]);
      else list.push(id);
    }
  }
  return children;
}

/**
 * Takes away, again and again, what has no parent left: what stays is on a cycle or below one, and each of it has a parent
 * that stays. Following one such parent from node to node must come round, so every cycle found this way is one, and
 * whatever stays and is on none of them lies below one.
 */
function findCycles(nodes: readonly GraphNode[]): readonly (readonly string[])[] {
  const staying = new Map(nodes.map((node) => [node.id, node]));
  const children = childrenOf(nodes);
  const waiting = new Map(
    nodes.map(({ id, dependencies }) => [id, dependencies.filter((parent) => staying.has(parent)).length]),
  );
  const free = nodes.filter(({ id }) => waiting.get(id) === 0).map(({ id }) => id);
  for (const id of free) {
    staying.delete(id);
    for (const child of children.get(id) ?? []) {
      const left = (waiting.get(child) ?? 0) - 1;
      waiting.set(child, left);
      if (left === 0) free.push(child); // The loop goes on with what is added.
    }
  }
  const walked = new Set<string>();
  return [...staying.keys()].flatMap((id) => {
    const path = walk(id, staying, walked);
    return path === null ? [] : [path];
  });
}

/** The cycle that the walk comes round to; null when it ends where an earlier one has been. */
function walk(
  start: string,
  staying: ReadonlyMap<string, GraphNode>,
  walked: Set<string>,
): readonly string[] | null {
  const path: string[] = [];
  const position = new Map<string, number>();
  for (let id: string | undefined = start; id !== undefined; ) {
    const since = position.get(id);
    if (since !== undefined) return [...path.slice(since), id];
    if (walked.has(id)) return null;
    walked.add(id);
    position.set(id, path.length);
    path.push(id);
    id = staying.get(id)?.dependencies.find((parent) => staying.has(parent));
  }
  return null;
}

const PATH_SHOWN_MAX = 12;

/** `a → b → a`; the middle of a long one is left out. */
export function describeCycle(path: readonly string[]): string {
  if (path.length <= PATH_SHOWN_MAX) return path.join(" → ");
  const head = path.slice(0, PATH_SHOWN_MAX - 2).join(" → ");
  return `${head} → … → ${path.at(-1)} (${path.length - 1} tasks)`;
}
