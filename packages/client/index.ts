export type { BatchCounts } from "./batch-counts.ts";
export type { BatcherOptions, DroppedEvents, DropReason, RejectedEvent } from "./batch-rules.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export type { Clock } from "./clock.ts";
export type { DeadLettersClient } from "./dead-letters.ts";
export { defineWorker, Worker, type WorkerOptions } from "./define-worker.ts";
export {
  ApiError,
  FileWaitTimeoutError,
  PartlySentError,
  StoreTimeoutError,
  UnreachableError,
  WaitTimeoutError,
} from "./errors.ts";
export type { EventBatcher, FlushOptions } from "./event-batcher.ts";
export type * from "./event-types.ts";
export type { EventsClient, SendOptions, StoreWaitOptions } from "./events.ts";
export type * from "./file-types.ts";
export type { DownloadOptions, FileDownload, FilesClient, FileUpload, FileWaitOptions } from "./files.ts";
export type * from "./graph-types.ts";
export type * from "./guard-types.ts";
export type { BreakersClient, LimitsClient } from "./guards.ts";
export type { QueuesClient } from "./queues.ts";
export type { ResumableOptions, ResumableUpload } from "./resumable-upload.ts";
export { AttemptStopped, type Handler, type HandlerContext, TaskFailure } from "./run-leased.ts";
export type * from "./schedule-types.ts";
export type { SchedulesClient } from "./schedules.ts";
export type { TailDropped, TailOptions } from "./tail-events.ts";
export { type BatchOptions, hasEnded, type TasksClient, type WaitOptions } from "./tasks.ts";
export type { CallOptions, Credential, Fetch } from "./transport.ts";
export type * from "./types.ts";
export type * from "./worker-types.ts";
export type { WorkersClient } from "./workers.ts";
