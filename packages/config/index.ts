export { formatExample } from "./example.ts";
export type { Variable } from "./kinds.ts";
export { type Config, type ConfigProblem, type ConfigReading, formatProblems, readConfig } from "./read.ts";
export { VARIABLES } from "./variables.ts";
