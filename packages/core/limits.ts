/**
 * Every bound of the product, in one place: this file and the folder beside it. Names end in their unit.
 * Relations between bounds are asserted here, so that a change of one that breaks another fails at import, in every
 * process and every test.
 */

import { DEBOUNCE_S_MAX, DEBOUNCE_WAIT_S_MAX } from "./limits/dedup.ts";
import {
  EVENT_BYTES_MAX,
  EVENT_MESSAGE_BYTES_MAX,
  EVENT_PARTS_MAX,
  EVENT_QUERY_MS_MAX,
  EVENT_SEARCH_MS_MAX,
  EVENTS_BODY_BYTES_MAX,
  EVENTS_HELD_BYTES_MAX,
  EVENTS_MESSAGE_BYTES_MAX,
  EVENTS_UNPACKED_BYTES_MAX,
  RECORDER_PULL_BYTES_MAX,
} from "./limits/events.ts";
import {
  THREAD_HEAP_BYTES_DEADLY,
  THREAD_HEAP_BYTES_MAX,
  THREAD_STOP_MS_MAX,
  UPLOAD_LOCK_WAIT_MS_MAX,
  UPLOAD_SILENCE_MS_MAX,
  UPLOAD_STALL_MS_MAX,
} from "./limits/files.ts";
import { BATCH_EDGES_MAX, FILLED_CHARS_MAX, GRAPH_EDGES_MAX, GRAPH_NODES_MAX } from "./limits/graphs.ts";
import {
  ACCESS_TOKEN_S,
  LOGIN_BLOCK_S_MAX,
  LOGIN_FAILURES_FORGOTTEN_S,
  REFRESH_GRACE_S,
} from "./limits/identity.ts";
import {
  DRAIN_MS_MAX,
  TRACE_BATCH_SPANS_MAX,
  TRACE_FLUSH_MS_MAX,
  TRACE_SPANS_WAITING_MAX,
} from "./limits/process.ts";
import { SCHEDULE_CATCH_UP_MS_MAX, SCHEDULE_ID_CHARS_MAX, SCHEDULE_LATE_MS_MAX } from "./limits/schedules.ts";
import {
  ABORT_GRACE_MS,
  ACK_PROGRESS_MS,
  ACK_WAIT_MS,
  ATTEMPT_NUMBER_MAX,
  ATTEMPTS_DEFAULT,
  ATTEMPTS_MAX,
  BACKOFF_MAX_MS_DEFAULT,
  BACKOFF_MS_MAX,
  BATCH_TASKS_MAX,
  BODY_BYTES_MAX,
  DEPENDENCIES_MAX,
  GROUP_BYTES_MAX,
  GROUP_ROWS_MAX,
  GROUP_WAITING_BYTES_MAX,
  GROUP_WAITING_MAX,
  LEVEL_ACK_PENDING_MAX,
  LOST_ATTEMPTS_MAX,
  PAYLOAD_BYTES_MAX,
  PRIORITY_DEFAULT,
  PRIORITY_MAX,
  PRIORITY_MIN,
  RESULT_BYTES_MAX,
  SHORT_LANE_TIMEOUT_S_MAX,
  TASK_ID_CHARS_MAX,
  TIMEOUT_S_MAX,
  WORKER_SLOTS_MAX,
} from "./limits/tasks.ts";

export * from "./limits/dedup.ts";
export * from "./limits/events.ts";
export * from "./limits/files.ts";
export * from "./limits/graphs.ts";
export * from "./limits/guards.ts";
export * from "./limits/identity.ts";
export * from "./limits/process.ts";
export * from "./limits/schedules.ts";
export * from "./limits/task-types.ts";
export * from "./limits/tasks.ts";
export * from "./limits/workers.ts";

function requireRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits contradict each other: ${relation}`);
}

requireRelation(
  PRIORITY_MIN <= PRIORITY_DEFAULT && PRIORITY_DEFAULT <= PRIORITY_MAX,
  "priority default in range",
);
requireRelation(PAYLOAD_BYTES_MAX < BODY_BYTES_MAX, "a payload fits into a body");
requireRelation(SHORT_LANE_TIMEOUT_S_MAX <= TIMEOUT_S_MAX, "the short lane is within the time-out range");
requireRelation(ACK_PROGRESS_MS * 2 < ACK_WAIT_MS, "two progress signals fit into one ack wait");
requireRelation(GROUP_ROWS_MAX <= GROUP_WAITING_MAX, "a full group can wait");
requireRelation(GROUP_BYTES_MAX <= GROUP_WAITING_BYTES_MAX, "a heavy group can wait");
requireRelation(BODY_BYTES_MAX * 2 <= GROUP_WAITING_BYTES_MAX, "one full body cannot shut out the next");
requireRelation(BATCH_TASKS_MAX <= GROUP_WAITING_MAX, "a full batch can wait");
requireRelation(BACKOFF_MAX_MS_DEFAULT <= BACKOFF_MS_MAX, "backoff default in range");
requireRelation(ATTEMPTS_DEFAULT <= ATTEMPTS_MAX, "attempts default in range");
requireRelation(
  ATTEMPTS_MAX + LOST_ATTEMPTS_MAX < ATTEMPT_NUMBER_MAX,
  "no policy can use up the attempt numbers",
);
requireRelation(ATTEMPT_NUMBER_MAX < 2 ** 15, "an attempt number is a smallint");
requireRelation(WORKER_SLOTS_MAX <= LEVEL_ACK_PENDING_MAX, "one worker cannot exhaust a level");
requireRelation(REFRESH_GRACE_S < ACCESS_TOKEN_S, "a used refresh token dies before its access token");
requireRelation(LOGIN_BLOCK_S_MAX < LOGIN_FAILURES_FORGOTTEN_S, "a block ends before its count is forgotten");
requireRelation(EVENT_MESSAGE_BYTES_MAX < EVENT_BYTES_MAX, "the longest text fits into a record");
requireRelation(EVENT_BYTES_MAX < EVENTS_MESSAGE_BYTES_MAX, "the largest record fits into a message");
requireRelation(
  EVENTS_MESSAGE_BYTES_MAX < RECORDER_PULL_BYTES_MAX,
  "the recorder can pull the largest message",
);
requireRelation(EVENT_SEARCH_MS_MAX < EVENT_QUERY_MS_MAX, "a search answers before a statement is cancelled");
requireRelation(
  EVENT_PARTS_MAX * (EVENTS_MESSAGE_BYTES_MAX - EVENT_BYTES_MAX) >= EVENTS_UNPACKED_BYTES_MAX,
  "a full body fits into its parts",
);
requireRelation(EVENTS_BODY_BYTES_MAX < EVENTS_HELD_BYTES_MAX, "one full body leaves room for others");
requireRelation(
  THREAD_HEAP_BYTES_MAX < THREAD_HEAP_BYTES_DEADLY,
  "a thread is replaced before it is stopped",
);
requireRelation(THREAD_STOP_MS_MAX * 2 < ABORT_GRACE_MS, "a job is stopped before its task is left behind");
requireRelation(SCHEDULE_ID_CHARS_MAX + 30 <= TASK_ID_CHARS_MAX, "a tick's id is a task id");
requireRelation(SCHEDULE_LATE_MS_MAX < SCHEDULE_CATCH_UP_MS_MAX, "what is late is caught up with");
requireRelation(BATCH_TASKS_MAX <= GRAPH_NODES_MAX, "the graph of a full batch can be shown");
requireRelation(BATCH_EDGES_MAX <= GRAPH_EDGES_MAX, "with all its dependencies");
requireRelation(DEPENDENCIES_MAX <= BATCH_EDGES_MAX, "one full task fits into a batch");
requireRelation(RESULT_BYTES_MAX < FILLED_CHARS_MAX, "the largest result fits into a payload");
requireRelation(
  UPLOAD_STALL_MS_MAX < UPLOAD_LOCK_WAIT_MS_MAX,
  "who waits for an upload outlasts a sender that is gone",
);
requireRelation(UPLOAD_STALL_MS_MAX < UPLOAD_SILENCE_MS_MAX, "a sender gives way before it is given up");
requireRelation(TRACE_BATCH_SPANS_MAX <= TRACE_SPANS_WAITING_MAX, "a full export can wait");
requireRelation(TRACE_FLUSH_MS_MAX < DRAIN_MS_MAX, "the last spans do not hold up the end");
requireRelation(DEBOUNCE_S_MAX <= DEBOUNCE_WAIT_S_MAX, "the longest debounce fits into its longest wait");
