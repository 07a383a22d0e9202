import type { ParseArgsConfig } from "node:util";

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** What may stand after a command, for its completion: made of the very objects that the command reads its arguments with. */
export interface Grammar {
  /** As `parseArgs` takes them. */
  readonly options?: Options;
  /** Words of which one comes first, and what each takes. */
  readonly actions?: Readonly<Record<string, Grammar>>;
  /** Known values: of an option by its name, of the first argument by "". */
  readonly values?: Readonly<Record<string, readonly string[]>>;
}
