import { join } from "node:path";
import { type Config, type ConfigProblem, readConfig } from "@millrace/config";
import type { Secrets } from "./secrets.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** What the person asked for, and what the stack fills in. */
export interface StackOptions {
  readonly config: Config;
  readonly warnings: readonly ConfigProblem[];
  /** Absolute or relative to the working directory; `.millrace` in the project by default. */
  readonly home: string;
  /** As given: the server that is used instead of an embedded one. */
  readonly natsUrl: string | undefined;
  readonly databaseUrl: string | undefined;
}

export type OptionsReading =
  | { readonly ok: true; readonly options: StackOptions }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Checks the whole environment before anything is started: each service would find the same mistakes later. */
export function readOptions(env: Env, projectFolder: string): OptionsReading {
  const reading = readConfig(env);
  if (!reading.ok) return reading;
  const given = (name: string) => {
    const value = env[name]?.trim() ?? "";
    return value === "" ? undefined : value;
  };
  const options: StackOptions = {
    config: reading.config,
    warnings: reading.warnings,
    home: given("MILLRACE_HOME") ?? join(projectFolder, ".millrace"),
    natsUrl: given("NATS_URL"),
    databaseUrl: given("DATABASE_URL"),
  };
  return { ok: true, options };
}

/** The first administrator: as configured, or as drawn at the first start. */
export interface Admin {
  readonly email: string;
  readonly password: string;
  readonly apiKey: string;
}

export function adminOf(config: Config, secrets: Secrets): Admin {
  return {
    email: config.adminEmail ?? secrets.adminEmail,
    password: config.adminPassword ?? secrets.adminPassword,
    apiKey: config.adminApiKey ?? secrets.adminApiKey,
  };
}
