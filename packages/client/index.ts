export { type Client, type ClientOptions, createClient } from "./client.ts";
export type { Clock } from "./clock.ts";
export type { DeadLettersClient } from "./dead-letters.ts";
export { ApiError, UnreachableError, WaitTimeoutError } from "./errors.ts";
export { type BatchOptions, hasEnded, type TasksClient, type WaitOptions } from "./tasks.ts";
export type { CallOptions, Credential, Fetch } from "./transport.ts";
export type * from "./types.ts";
