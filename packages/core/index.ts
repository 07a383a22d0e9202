export * from "./backoff.ts";
export * from "./fault.ts";
export * from "./group-commit.ts";
export * from "./identity.ts";
export * from "./ids.ts";
export * from "./simulate.ts";
export * from "./task.ts";
