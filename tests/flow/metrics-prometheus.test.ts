import { afterAll, beforeAll, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { type Prometheus, programOf, RULES, startPrometheus } from "../support/prometheus.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const PROJECT = join(import.meta.dirname, "../..");
const DASHBOARD = join(PROJECT, "deploy/grafana/millrace.json");
const SCRAPED_MS = 90_000;

let stack: TaskStack;
let prometheus: Prometheus;
let urls: readonly string[] = [];
let stopWork = async (): Promise<void> => {};
beforeAll(async () => {
  stack = await startTaskStack({ MAX_WORKERS: "6", LONG_SLOTS: "2" });
  const terminal = await Bun.file(join(stack.home, "terminal.log")).text();
  urls = [...terminal.matchAll(/^ {2}(?:api|recorder|scheduler|worker) +(http:\S+)$/gm)].map(
    (told) => told[1] ?? "",
  );
  prometheus = await startPrometheus(urls);
  stopWork = startWork(stack);
}, 120_000);
afterAll(async () => {
  await stopWork();
  await prometheus?.stop();
  await stack?.close();
});

/** A little of everything, again and again, so that rates and quantiles have something to tell. */
function startWork({ submitAll, call }: TaskStack): () => Promise<void> {
  let isStopped = false;
  const work = async (): Promise<void> => {
    for (let round = 0; !isStopped; round += 1) {
      const lanes = ["short", "long"] as const;
      const payload = { duration_ms: 5, failure_rate: 0.3, seed: String(round) };
      await submitAll(
        lanes.map((lane) => ({ task_id: `${lane}-${round}`, task_type: "simulate", lane, payload })),
      );
      await submitAll([
        { task_id: `dead-${round}`, task_type: "simulate", max_attempts: 1, payload: { failure_rate: 1 } },
      ]);
      const dedup = { key: "once", window_seconds: 3_600 };
      await call("POST", "/api/tasks", { task_type: "simulate", payload: { failure_rate: 0 }, dedup });
      await call("POST", "/api/events", { type: "metrics.test", message: `round ${round}` });
      await Bun.sleep(200);
    }
  };
  const done = work();
  return async () => {
    isStopped = true;
    await done;
  };
}

async function run(command: readonly string[], input?: string): Promise<{ status: number; said: string }> {
  const child = Bun.spawn([...command], {
    stdin: input === undefined ? "ignore" : new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { status: await child.exited, said: said.join("") };
}

test("promtool finds no fault in the metrics of any service", async () => {
  expect(urls).toHaveLength(4);
  for (const url of urls) {
    const text = await (await fetch(`${url}/metrics`)).text();
    expect({ url, ...(await run([programOf("promtool"), "check", "metrics"], text)) }).toEqual({
      ...{ url, status: 0, said: "" },
    });
  }
});

test("every service says whether it reaches NATS, by which one that is gone is missed", async () => {
  const told = await Promise.all(
    urls.map(async (url) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return /^millrace_nats_connected\{[^}]*service="(\w+)"[^}]*\} 1$/m.exec(text)?.[1];
    }),
  );
  expect(told.sort()).toEqual(["api", "recorder", "scheduler", "worker"]);
});

test("promtool finds no fault in the configuration and the rules, and every alert can be caused", async () => {
  const promtool = programOf("promtool");
  const tests = join(dirname(RULES), "rules.test.yml");
  const config = join(dirname(RULES), "prometheus.yml");
  for (const words of [
    ["check", "config", config],
    ["check", "config", join(dirname(RULES), "prometheus.compose.yml")],
    ["check", "rules", RULES],
    ["test", "rules", tests],
  ]) {
    const { status, said } = await run([promtool, ...words]);
    expect({ words, status, said: status === 0 ? "" : said }).toEqual({ words, status: 0, said: "" });
  }
  const caused = await Bun.file(tests).text();
  const runbook = await Bun.file(join(dirname(RULES), "README.md")).text();
  const alerts = (await prometheus.rules()).filter(({ type }) => type === "alerting");
  expect(alerts.length).toBeGreaterThan(0);
  for (const { name } of alerts) {
    expect({ name, isCaused: caused.includes(`alertname: ${name}\n`) }).toEqual({ name, isCaused: true });
    expect({ name, hasRunbook: runbook.includes(`### ${name}\n`) }).toEqual({ name, hasRunbook: true });
  }
});

test(
  "a Prometheus that scrapes the stack evaluates every rule, and every record returns data",
  async () => {
    const areUp = async () =>
      (await prometheus.targets()).filter(({ health }) => health === "up").length === 4;
    await untilTrue(areUp, SCRAPED_MS, "four services that are scraped");
    const isOk = async () => (await prometheus.rules()).every(({ health }) => health === "ok");
    await untilTrue(isOk, SCRAPED_MS, "the health of every rule");
    for (const { name, type } of await prometheus.rules()) if (type === "recording") await untilData(name);
  },
  2 * SCRAPED_MS,
);

test(
  "every metric that an alert speaks of is there, so that its silence means health",
  async () => {
    for (const { name, query, type } of await prometheus.rules()) {
      if (type !== "alerting") continue;
      const named = [...new Set(query.match(/\bup\b|(?:\b[a-z]+:)?\bmillrace[:_][\w:]+/g))];
      expect({ name, named: named.length > 0 }).toEqual({ name, named: true });
      for (const metric of named) await untilData(`count(${metric})`);
    }
  },
  2 * SCRAPED_MS,
);

test(
  "every expression of the Grafana dashboard returns data",
  async () => {
    const dashboard = await Bun.file(DASHBOARD).json();
    const expressions = expressionsIn(dashboard.panels);
    expect(expressions.length).toBeGreaterThan(30);
    for (const expression of expressions) await untilData(expression.replaceAll("$__rate_interval", "30s"));
  },
  2 * SCRAPED_MS,
);

function expressionsIn(panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[]) {
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
}

/** NaN is what a quantile of nothing gives: no data. */
async function untilData(expression: string): Promise<void> {
  const hasData = async () => (await prometheus.query(expression)).some(({ value }) => !Number.isNaN(value));
  await untilTrue(hasData, SCRAPED_MS, `data for ${expression}`);
}
