export * from "./hold-tasks.ts";
export * from "./limits.ts";
export * from "./read-wait.ts";
