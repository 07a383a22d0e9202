import { join } from "node:path";
import { readIfThere } from "@millrace/stack/files";
import { homeAt } from "@millrace/stack/home";
import type { CommandInput } from "../command.ts";

export type FoundStack =
  | {
      readonly ok: true;
      readonly baseUrl: string;
      readonly apiKey: string | undefined;
      /** True: the person named it, by MILLRACE_URL. False: run.json speaks of it, which a killed stack leaves behind. */
      readonly isNamed: boolean;
    }
  /** `why` says what to do next. */
  | { readonly ok: false; readonly why: string };

/**
 * MILLRACE_URL and MILLRACE_API_KEY when they are set, for a stack anywhere; else the stack that runs in MILLRACE_HOME
 * on this machine, by its run.json.
 */
export function findStack({ env, projectFolder }: Pick<CommandInput, "env" | "projectFolder">): FoundStack {
  const apiKey = given(env.MILLRACE_API_KEY);
  const url = given(env.MILLRACE_URL);
  if (url !== undefined) {
    const parsed = URL.parse(url);
    if (parsed?.protocol === "http:" || parsed?.protocol === "https:")
      return { ok: true, baseUrl: url, apiKey, isNamed: true };
    return { ok: false, why: "MILLRACE_URL must be an http or https URL, such as http://127.0.0.1:8000" };
  }
  const home = homeAt(given(env.MILLRACE_HOME) ?? join(projectFolder, ".millrace"));
  const text = readIfThere(home.run);
  if (text === undefined) {
    const elsewhere = "or set MILLRACE_URL and MILLRACE_API_KEY to use one that runs elsewhere";
    return { ok: false, why: `no stack runs in ${home.path}. Start one with \`bun start\`, ${elsewhere}.` };
  }
  const run = parseRun(text);
  if (run === undefined) return { ok: false, why: `${home.run} cannot be read; restart the stack.` };
  return { ok: true, baseUrl: run.apiUrl, apiKey: apiKey ?? run.apiKey, isNamed: false };
}

function given(value: string | undefined): string | undefined {
  const text = value?.trim() ?? "";
  return text === "" ? undefined : text;
}

function parseRun(text: string): { apiUrl: string; apiKey: string } | undefined {
  try {
    const run: unknown = JSON.parse(text);
    if (typeof run !== "object" || run === null || !("api_url" in run) || !("api_key" in run))
      return undefined;
    const { api_url: apiUrl, api_key: apiKey } = run;
    return typeof apiUrl === "string" && typeof apiKey === "string" ? { apiUrl, apiKey } : undefined;
  } catch {
    return undefined;
  }
}
