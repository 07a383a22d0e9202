export * from "./connect.ts";
export * from "./events/index.ts";
export * from "./files/index.ts";
export * from "./migrate.ts";
export * from "./queues/index.ts";
export * from "./retryable.ts";
export * from "./schedules/index.ts";
export * from "./tasks/index.ts";
