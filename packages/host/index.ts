export * from "./give-way.ts";
