import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { deadLetterSubject } from "@millrace/protocol";
import parsePrometheus from "parse-prometheus-text-format";
import { type Answer, untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let urls: Readonly<Record<string, string>>;
beforeAll(async () => {
  stack = await startTaskStack({ MAX_WORKERS: "6", LONG_SLOTS: "2" });
  const terminal = await Bun.file(join(stack.home, "terminal.log")).text();
  const told = [...terminal.matchAll(/^ {2}(api|scheduler|worker) +(http:\S+)$/gm)];
  urls = Object.fromEntries(told.map(([, name = "", url = ""]) => [name, url]));
  await stack.submitAll([
    { task_id: "fine", task_type: "simulate", payload: { duration_ms: 0, failure_rate: 0 } },
    { task_id: "dead", task_type: "simulate", max_attempts: 1, payload: { duration_ms: 0, failure_rate: 1 } },
  ]);
  await Promise.all(["fine", "dead"].map((taskId) => stack.untilEnded(taskId)));
}, 90_000);
afterAll(() => stack?.close());

const get = (service: string, path: string) => fetch(`${urls[service]}${path}`);

/** The samples of each metric family, by its name. */
async function metricsOf(
  service: string,
): Promise<ReadonlyMap<string, ReturnType<typeof parsePrometheus>[number]["metrics"]>> {
  const response = await get(service, "/metrics");
  expect([service, response.status, response.headers.get("content-type")]).toEqual([
    ...[service, 200, expect.stringContaining("text/plain; version=0.0.4")],
  ]);
  const families = parsePrometheus(await response.text());
  return new Map(families.map(({ name, metrics }) => [name, metrics]));
}

test("the terminal tells where each service is, and each says that it lives and what it stands on", async () => {
  expect(Object.keys(urls).sort()).toEqual(["api", "scheduler", "worker"]);
  for (const service of Object.keys(urls)) {
    const live = await get(service, "/health/live");
    expect([service, live.status, await live.json()]).toEqual([service, 200, { status: "live" }]);
    const ready = await get(service, "/health/ready");
    expect([service, ready.status, await ready.json()]).toEqual([
      ...[service, 200],
      expect.objectContaining({
        status: "ready",
        checks: expect.objectContaining({ nats: { status: "up" }, postgres: { status: "up" } }),
      }),
    ]);
  }
});

test("the metrics of every service can be read by a parser, and have their documented names", async () => {
  const everywhere = [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "millrace_event_loop_delay_seconds",
    "millrace_build_info",
    "millrace_nats_connected",
  ];
  const own: Readonly<Record<string, readonly string[]>> = {
    api: ["millrace_http_requests_total", "millrace_http_request_duration_seconds"],
    scheduler: [
      "millrace_dispatches_republished_total",
      "millrace_attempts_lost_total",
      "millrace_dead_letters_total",
    ],
    worker: [
      "millrace_attempts_total",
      "millrace_attempt_duration_seconds",
      "millrace_worker_slots",
      "millrace_file_threads",
      "millrace_file_jobs_waiting",
    ],
  };
  for (const [service, names] of Object.entries(own)) {
    const metrics = await metricsOf(service);
    const missing = [...everywhere, ...names].filter((name) => !metrics.has(name));
    expect({ service, missing }).toEqual({ service, missing: [] });
  }
});

test("the counters count what happened, and the labels hold no ids", async () => {
  const worker = await metricsOf("worker");
  const count = (outcome: string) =>
    worker
      .get("millrace_attempts_total")
      ?.find(({ labels }) => labels?.task_type === "simulate" && labels.outcome === outcome)?.value;
  expect([count("completed"), count("dead")]).toEqual(["1", "1"]);
  const slots = worker
    .get("millrace_worker_slots")
    ?.map(({ labels, value }) => [labels?.lane, labels?.state, value]);
  expect(slots?.toSorted()).toEqual([
    ["file", "busy", "0"],
    ["file", "free", "2"],
    ["long", "busy", "0"],
    ["long", "free", "2"],
    ["short", "busy", "0"],
    ["short", "free", "4"],
  ]);
  await untilTrue(
    async () => (await metricsOf("scheduler")).get("millrace_dead_letters_total")?.[0]?.value === "1",
    10_000,
    "a counted dead letter",
  );
  const routes = (await metricsOf("api"))
    .get("millrace_http_requests_total")
    ?.map(({ labels }) => labels?.route);
  expect(routes).toContain("/api/tasks/:task_id");
  expect(routes?.filter((route) => route?.includes("fine"))).toEqual([]);
});

test("metrics, which anybody may read, hold no payloads and no keys", async () => {
  for (const service of Object.keys(urls)) {
    const text = await (await get(service, "/metrics")).text();
    expect(text).not.toContain(stack.apiKey);
    expect(text).not.toContain("failure_rate");
  }
});

test("the page of the API's description works without internet: all that it loads comes from here", async () => {
  const page = await get("api", "/docs");
  expect([page.status, page.headers.get("content-type")]).toEqual([
    200,
    expect.stringContaining("text/html"),
  ]);
  const html = await page.text();
  const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? "");
  expect(assets.length).toBeGreaterThanOrEqual(3);
  for (const asset of assets) {
    expect(asset).toStartWith("/docs/assets/");
    const response = await get("api", asset);
    expect([asset, response.status]).toEqual([asset, 200]);
    const text = await response.text();
    expect(text.length).toBeGreaterThan(50);
    if (asset.endsWith(".css")) expect(text).not.toMatch(/url\(\s*["']?https?:/);
  }
  expect(await (await get("api", "/docs/assets/start.js")).text()).toContain('"/docs/json"');
});

test("the description lists every route of tasks and dead letters, with what it may answer", async () => {
  const document: Answer["body"] = await (await get("api", "/docs/json")).json();
  expect(document.openapi).toStartWith("3.");
  const routes: readonly (readonly [method: string, path: string, answers: readonly string[]])[] = [
    ["post", "/api/tasks", ["200", "201", "400", "401", "403", "409", "413", "415", "422", "503"]],
    ["post", "/api/tasks/batch", ["200", "400", "401", "413", "422"]],
    ["get", "/api/tasks", ["200", "401", "422"]],
    ["get", "/api/tasks/{task_id}", ["200", "401", "404"]],
    ["get", "/api/tasks/{task_id}/attempts", ["200", "404"]],
    ["post", "/api/tasks/{task_id}/cancel", ["200", "404", "409"]],
    ["post", "/api/tasks/{task_id}/retry", ["200", "404", "409"]],
    ["get", "/api/dlq", ["200", "422"]],
    ["get", "/api/dlq/{task_id}", ["200", "404"]],
    ["post", "/api/dlq/redrive", ["202", "403", "422"]],
    ["delete", "/api/dlq/{task_id}", ["204", "404"]],
  ];
  for (const [method, path, answers] of routes) {
    const operation = document.paths[path]?.[method];
    expect({ method, path, summary: typeof operation?.summary }).toEqual({ method, path, summary: "string" });
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining([...answers]));
  }
});

test("each problem code that an answer names is explained at the address that it gives", async () => {
  const problem = (await stack.call("POST", "/api/tasks", { task_type: "simulate", priority: 0 })).body;
  const [path, code] = String(problem.type).split("#");
  const page = await get("api", path ?? "");
  expect(page.status).toBe(200);
  expect(await page.text()).toContain(`id="${code}"`);
});

test("the DLQ stream deleted: the next dead letter is in it and in the log all the same", async () => {
  await stack.bus.manager.streams.delete("DLQ");
  await stack.submit({
    task_id: "dead-later",
    task_type: "simulate",
    max_attempts: 1,
    payload: { duration_ms: 0, failure_rate: 1 },
  });
  await stack.untilEnded("dead-later");
  const isCopied = async () => {
    const message = await stack.bus.manager.streams
      .getMessage("DLQ", { last_by_subj: deadLetterSubject("short", "simulate") })
      .catch(() => null);
    return message?.json<{ task_id: string }>().task_id === "dead-later";
  };
  await untilTrue(isCopied, 25_000, "a copy in the new stream");
  const isLogged = async () =>
    (await stack.logOf("scheduler")).some(
      (line) => line.message === "dead letter" && line.task_id === "dead-later",
    );
  await untilTrue(isLogged, 15_000, "a line in the scheduler's log");
}, 60_000);
