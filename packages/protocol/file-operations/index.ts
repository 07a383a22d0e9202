export * from "./file-task.ts";
export * from "./operations.ts";
export {
  checkOptions,
  type OptionRule,
  type OptionRules,
  type OptionsOf,
  parseOptions,
} from "./option-rules.ts";
export * from "./result-name.ts";
