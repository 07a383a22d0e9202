export * from "./backoff.ts";
export * from "./fault.ts";
export * from "./group-commit.ts";
export * from "./ids.ts";
export * from "./task.ts";
