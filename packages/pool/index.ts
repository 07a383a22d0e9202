export * from "./fair-queue.ts";
export * from "./thread-pool.ts";
