export * from "./breaker.ts";
export * from "./dead-letter.ts";
export * from "./dispatch.ts";
export * from "./live.ts";
export * from "./parts.ts";
export * from "./subjects.ts";
export * from "./submitted-at.ts";
export * from "./worker.ts";
