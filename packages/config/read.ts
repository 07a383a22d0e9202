import type { Variable } from "./kinds.ts";
import { findTypos } from "./typos.ts";
import { VARIABLES } from "./variables.ts";

type Table = typeof VARIABLES;
type ValueOf<V> = V extends Variable<infer T> ? T : never;
type Values = { readonly [K in keyof Table]: ValueOf<Table[K]> };

/** What a process knows about where and how it runs. Times end in their unit. Undefined: not set, and no default. */
export type Config = Omit<Values, "longSlots" | "storageUrl" | "fileRetentionDays"> & {
  /** Slots of the long lane; `maxWorkers - longSlots` belong to the short one. */
  readonly longSlots: number;
  /** `file:<folder>` or `s3://bucket[/prefix]`. */
  readonly storageUrl: string;
  /** At most `taskRetentionDays`. */
  readonly fileRetentionDays: number;
};

export interface ConfigProblem {
  /** The variable: `API_PORT`. */
  readonly name: string;
  readonly message: string;
}

export type ConfigReading<C = Config> =
  | { readonly ok: true; readonly config: C; readonly warnings: readonly ConfigProblem[] }
  | {
      readonly ok: false;
      readonly problems: readonly ConfigProblem[];
      readonly warnings: readonly ConfigProblem[];
    };

type Env = Readonly<Record<string, string | undefined>>;
/** A config in which what a process cannot do without is certainly there. */
type With<K extends keyof Config> = Config & { readonly [P in K]-?: NonNullable<Config[P]> };

/**
 * Reads every variable, and reports all mistakes together.
 * A variable that is empty or blank counts as not set, as in a compose file's `NAME: ${NAME:-}`.
 *
 * @param required what this process cannot do without, by its name in `Config`: `["databaseUrl", "natsUrls"]`.
 */
export function readConfig<K extends keyof Config = never>(
  env: Env,
  required: readonly K[] = [],
): ConfigReading<With<K>> {
  const problems: ConfigProblem[] = [];
  const read = Object.entries(VARIABLES).map(([key, variable]) => {
    const given = env[variable.name]?.trim() ?? "";
    if (given === "") return [key, variable.default];
    const value = variable.parse(given);
    if (value === undefined) problems.push(mistake(variable, given));
    return [key, value ?? variable.default];
  });
  // Each entry is what the table's parser or default gave for that key.
  const values = Object.fromEntries(read) as Values;

  for (const key of required) {
    const { name, expects, about } = VARIABLES[key];
    const isReported = problems.some((problem) => problem.name === name);
    if (values[key] === undefined && derived(values)[key] === undefined && !isReported)
      problems.push({ name, message: `is not set; it must be ${expects}. ${about}` });
  }
  const reported = new Set(problems.map((problem) => problem.name));
  for (const { name, message, against } of contradictions(values))
    if (!reported.has(name) && !reported.has(against)) problems.push({ name, message });

  const warnings = warningsAbout(env, values);
  if (problems.length > 0) return { ok: false, problems, warnings };
  // Every required key was found to be defined just above.
  return { ok: true, config: { ...values, ...derived(values) } as With<K>, warnings };
}

function mistake(variable: Variable<unknown>, given: string): ConfigProblem {
  const shown = variable.isSecret ? "what was given (not shown)" : JSON.stringify(shorten(given));
  return { name: variable.name, message: `${shown} does not fit; it must be ${variable.expects}` };
}

function shorten(given: string): string {
  return given.length > 80 ? `${given.slice(0, 79)}…` : given;
}

/** Defaults that depend on other variables. */
function derived(
  values: Values,
): Partial<Values> & Pick<Config, "longSlots" | "storageUrl" | "fileRetentionDays"> {
  return {
    longSlots: values.longSlots ?? Math.floor(values.maxWorkers / 2),
    storageUrl: values.storageUrl ?? `file:${values.home}/files`,
    fileRetentionDays: values.fileRetentionDays ?? values.taskRetentionDays,
  };
}

interface Contradiction extends ConfigProblem {
  /** The other variable; when that one is wrong in itself, comparing with it says nothing. */
  readonly against: string;
}

/** Values that are fine alone and wrong together. */
function contradictions(values: Values): readonly Contradiction[] {
  const found: Contradiction[] = [
    ...half(["ADMIN_EMAIL", values.adminEmail], ["ADMIN_PASSWORD", values.adminPassword]),
    ...half(["S3_ACCESS_KEY_ID", values.s3AccessKeyId], ["S3_SECRET_ACCESS_KEY", values.s3SecretAccessKey]),
  ];
  if (values.longSlots !== undefined && values.longSlots > values.maxWorkers) {
    const message = `"${values.longSlots}" does not fit; it must be at most MAX_WORKERS, which is ${values.maxWorkers}`;
    found.push({ name: "LONG_SLOTS", message, against: "MAX_WORKERS" });
  }
  const { fileRetentionDays, taskRetentionDays } = values;
  if (fileRetentionDays !== undefined && fileRetentionDays > taskRetentionDays) {
    const message = `"${fileRetentionDays}" does not fit; it must be at most TASK_RETENTION_DAYS, which is ${taskRetentionDays}`;
    found.push({ name: "FILE_RETENTION_DAYS", message, against: "TASK_RETENTION_DAYS" });
  }
  return found;
}

type Half = readonly [name: string, value: unknown];

/** Two variables that make sense only together. */
function half(one: Half, other: Half): readonly Contradiction[] {
  if ((one[1] === undefined) === (other[1] === undefined)) return [];
  const [missing, given] = one[1] === undefined ? [one[0], other[0]] : [other[0], one[0]];
  return [{ name: missing, message: `is not set, but ${given} is; give both or neither`, against: given }];
}

function warningsAbout(env: Env, values: Values): readonly ConfigProblem[] {
  const names = Object.values(VARIABLES).map((variable) => variable.name);
  const warnings = findTypos(env, names).map(({ name, meant }) => ({
    name,
    message: `means nothing to Millrace; was ${meant} meant?`,
  }));
  const { longSlots } = derived(values);
  if (longSlots === 0)
    warnings.push({ name: "LONG_SLOTS", message: "is 0: this worker runs no long tasks; another one must" });
  if (longSlots === values.maxWorkers)
    warnings.push({
      name: "LONG_SLOTS",
      message: "is MAX_WORKERS: this worker runs no short tasks; another one must",
    });
  return warnings;
}

/** One line per problem, for the end of a process that cannot start: `API_PORT "eighty" does not fit; …`. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(({ name, message }) => `  ${name} ${message}`).join("\n");
}
