/** Bounds of task graphs. */

/** Dependencies that the tasks of one batch may name together. */
export const BATCH_EDGES_MAX = 100_000;
/** Tasks and dependencies of a graph that one request shows, cancels or brings back; beyond, it says so. */
export const GRAPH_NODES_MAX = 10_000;
export const GRAPH_EDGES_MAX = 100_000;
/** Characters of JSON that parents' results may add to a payload; a result has at most RESULT_BYTES_MAX bytes. */
export const FILLED_CHARS_MAX = 1024 * 1024;
/** One round of telling children that a parent has ended: parents, edges, and descendants that fail with it. */
export const ADVANCE_PARENTS_MAX = 500;
export const ADVANCE_EDGES_MAX = 5_000;
export const ADVANCE_FAILURES_MAX = 5_000;
/** Rounds that one process goes on for before it leaves the rest to the next occasion. */
export const ADVANCE_ROUNDS_MAX = 1_000;
