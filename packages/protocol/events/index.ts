export * from "./batch-header.ts";
export * from "./byte-text.ts";
export * from "./event-time.ts";
export * from "./message-id.ts";
export * from "./names.ts";
export * from "./plain-lines.ts";
export * from "./receipt.ts";
export * from "./refusals.ts";
