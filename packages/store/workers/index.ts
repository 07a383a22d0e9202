export * from "./drains.ts";
export * from "./find-timed-out-leases.ts";
export * from "./hold-lease.ts";
export * from "./lease-tasks.ts";
export * from "./remote-worker.ts";
export * from "./routes.ts";
