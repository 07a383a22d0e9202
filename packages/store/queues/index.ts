export * from "./count-queues.ts";
export * from "./park-tasks.ts";
export * from "./pauses.ts";
