// Runs alone: three NATS servers, eight services and a steady load would starve whatever runs beside them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { untilTrue } from "../support/running-stack.ts";
import { type MixedWork, mixedWork } from "../support/topology/mixed-work.ts";
import { startTopology, type Topology } from "../support/topology/start-topology.ts";
import { type SteadyLoad, startSteadyLoad } from "../support/topology/steady-load.ts";

const START_MS = 180_000;
const TEST_MS = 240_000;
const FLOW_MS_MAX = 60_000;
const PER_SECOND = 100;
/** Longer than the cluster needs to elect other leaders. */
const AWAY_MS_MAX = 60_000;

let topology: Topology;
let work: MixedWork;
let load: SteadyLoad;
beforeAll(async () => {
  topology = await startTopology();
}, START_MS);
afterAll(() => topology?.stop(), START_MS);

async function call(method: string, path: string, body?: object | FormData): Promise<Response> {
  const isForm = body instanceof FormData;
  return await fetch(new URL(path, topology.proxy.url), {
    method,
    headers: { ...topology.headers, ...(body !== undefined && !isForm && JSON_TYPE) },
    ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
  });
}

const JSON_TYPE = { "Content-Type": "application/json" };

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
async function get(path: string): Promise<any> {
  const response = await call("GET", path);
  return response.status === 200 ? await response.json() : {};
}

const becomes = (what: string, isTrue: () => Promise<boolean>) => untilTrue(isTrue, FLOW_MS_MAX, what);

test(
  "on three NATS servers, with two of each service: events, tasks, files and schedules",
  async () => {
    const event = { type: "flow", message: "through the cluster", attributes: { n: 1 } };
    expect((await call("POST", "/api/events", event)).status).toBe(202);
    await becomes("the event is found", async () => (await get("/api/events?type=flow")).items?.length === 1);

    const task = { task_id: "flow", task_type: "simulate", payload: { duration_ms: 5, failure_rate: 0 } };
    expect((await call("POST", "/api/tasks", task)).status).toBe(201);
    await becomes("the task runs", async () => (await get("/api/tasks/flow")).status === "completed");

    const form = new FormData();
    form.set("operation", "uppercase");
    form.set("file", new File(["words and more words"], "words.txt"));
    const { file_id: fileId } = (await (await call("POST", "/api/files", form)).json()) as {
      file_id: string;
    };
    await becomes("the file is done", async () => (await get(`/api/files/${fileId}`)).status === "completed");
    const result = await call("GET", `/api/files/${fileId}/result`);
    expect(await result.text()).toContain("WORDS AND MORE WORDS");

    const wish = {
      schedule_id: "each-second",
      cron: "* * * * * *",
      task: { task_type: "simulate", payload: task.payload },
    };
    expect((await call("POST", "/api/schedules", wish)).status).toBe(201);
    const ran = async () => (await get("/api/tasks?task_type=simulate&status=completed")).total ?? 0;
    await becomes("the schedule fires", async () => (await ran()) >= 4);
    expect((await call("DELETE", "/api/schedules/each-second")).status).toBeLessThan(300);
  },
  TEST_MS,
);

async function leaderOf(stream: string): Promise<string | undefined> {
  for (const { monitorUrl } of topology.cluster.nodes) {
    const answer = await fetch(`${monitorUrl}/jsz?streams=true&acc=$G`).catch(() => undefined);
    const body = (await answer?.json().catch(() => undefined)) as JetStreamReport | undefined;
    const details = body?.account_details?.flatMap(({ stream_detail: streams = [] }) => streams) ?? [];
    const leader = details.find(({ name }) => name === stream)?.cluster?.leader;
    if (leader !== undefined && leader !== "") return leader;
  }
  return undefined;
}

interface JetStreamReport {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly cluster?: { readonly leader?: string };
    }[];
  }[];
}

test.each(["EVENTS", "TASKS"])(
  "the leader of %s is killed under load and comes back: nothing that was accepted is lost or done twice",
  async (stream) => {
    const { proxy, headers, cluster, sql } = topology;
    work = mixedWork(stream);
    load = startSteadyLoad({ url: proxy.url, perSecond: PER_SECOND, headers, next: work.next });
    await untilTrue(() => load.sent() > 3 * PER_SECOND, FLOW_MS_MAX);
    const name = (await leaderOf(stream)) ?? "";
    const startedMs = performance.now();
    await cluster.node(name).kill9();
    await untilTrue(
      async () => ![undefined, name].includes(await leaderOf(stream)),
      AWAY_MS_MAX,
      "another leader",
    );
    const electedMs = Math.round(performance.now() - startedMs);
    const sentThen = load.sent();
    await untilTrue(() => load.sent() > sentThen + 5 * PER_SECOND, FLOW_MS_MAX);
    await cluster.node(name).restart();
    await cluster.untilWhole();
    await load.stop();
    const told = {
      stream,
      electedMs,
      ...work.counts(),
      slowestMs: work.slowestMs(),
      refused: work.refusals(),
    };
    process.stderr.write(`${JSON.stringify(told)} ${JSON.stringify(work.failures(), null, 1)}\n`);
    await work.untilDone(sql);
    const { eventsStoredUnanswered } = await work.verdict(sql);
    expect(eventsStoredUnanswered).toBeLessThanOrEqual(work.refusals());
    // While a stream has no leader, events are refused in the way that says: again, a moment later.
    const failed = Object.values(work.failures()).reduce((sum, count) => sum + count, 0);
    expect(failed).toBe(work.refusals());
    expect(await work.verdict(sql)).toMatchObject({
      ...{ eventsLost: 0, eventsTwice: 0 },
      ...{ tasksNotCompleted: 0, tasksCompletedTwice: 0, openTasks: 0 },
    });
  },
  TEST_MS,
);
