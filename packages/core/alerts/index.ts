export * from "./alert-watch.ts";
export * from "./growth.ts";
export * from "./override-rules.ts";
export * from "./part-watch.ts";
export * from "./rules.ts";
