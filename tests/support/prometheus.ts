import { join } from "node:path";
import { anyFreePort } from "@millrace/stack/ports";
import { scratch } from "./scratch.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const PROJECT = join(import.meta.dirname, "../..");
export const RULES = join(PROJECT, "deploy/prometheus/rules.yml");

/** A real Prometheus that scrapes every second and evaluates the project's rules. */
export interface Prometheus {
  /** The samples that an expression gives now. Throws when Prometheus does not understand it. */
  query(expression: string): Promise<readonly Sample[]>;
  rules(): Promise<readonly Rule[]>;
  targets(): Promise<readonly { readonly health: string; readonly lastError: string }[]>;
  stop(): Promise<void>;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly type: "recording" | "alerting";
  readonly health: "ok" | "err" | "unknown";
  readonly lastError?: string;
  readonly state?: "inactive" | "pending" | "firing";
}

/** A program of Debian's package `prometheus`. */
export function programOf(name: "prometheus" | "promtool"): string {
  const path = Bun.which(name);
  if (path === null) throw new Error(`${name} is not installed: apt-get install prometheus`);
  return path;
}

export async function startPrometheus(targets: readonly string[]): Promise<Prometheus> {
  const folder = (await scratch()).folder("prometheus");
  const config = join(folder, "prometheus.yml");
  const hosts = targets.map((url) => `"${new URL(url).host}"`).join(", ");
  await Bun.write(
    config,
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["${RULES}"]
scrape_configs: [{ job_name: millrace, static_configs: [{ targets: [${hosts}] }] }]
`,
  );
  const port = await anyFreePort();
  const origin = `http://127.0.0.1:${port}`;
  const server: ServerProcess = await startServer(
    {
      name: "prometheus",
      command: [
        programOf("prometheus"),
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, "tsdb")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      cwd: folder,
      env: {},
      stopSignal: "SIGTERM",
      findAlarm: () => undefined,
    },
    () => isReady(origin),
  );
  const ask = async (path: string) => {
    const response = await fetch(`${origin}/api/v1/${path}`);
    const body = (await response.json()) as { status: string; error?: string; data: unknown };
    if (body.status !== "success") throw new Error(`${path}: ${body.error}`);
    return body.data;
  };
  return {
    query: async (expression) => {
      const data = await ask(`query?query=${encodeURIComponent(expression)}`);
      const { result } = data as { result: { metric: Record<string, string>; value: [number, string] }[] };
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    rules: async () => {
      const { groups } = (await ask("rules")) as { groups: { rules: Rule[] }[] };
      return groups.flatMap(({ rules }) => rules);
    },
    targets: async () => {
      const { activeTargets } = (await ask("targets")) as {
        activeTargets: { health: string; lastError: string }[];
      };
      return activeTargets;
    },
    stop: () => server.stop(),
  };
}

async function isReady(origin: string): Promise<boolean> {
  try {
    return (await fetch(`${origin}/-/ready`)).ok;
  } catch {
    return false;
  }
}
