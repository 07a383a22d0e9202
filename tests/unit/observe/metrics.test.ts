import { describe, expect, test } from "bun:test";
import { createMetrics, groupSizes, registerNatsMetrics } from "@millrace/observe";
import parse from "parse-prometheus-text-format";

const metrics = () => createMetrics({ service: "api" });

test("counters, gauges and histograms appear with their labels and the service", async () => {
  const m = metrics();
  m.counter({ name: "millrace_tasks_total", help: "Tasks.", labels: ["lane"] }).add({ lane: "short" }, 2);
  m.gauge({ name: "millrace_slots_busy", help: "Slots." }).set({}, 0);
  m.histogram({ name: "millrace_run_seconds", help: "Runs.", buckets: [1, 2] }).observe({}, 1.5);
  const text = await m.render();
  expect(text).toContain('millrace_tasks_total{lane="short",service="api"} 2');
  expect(text).toContain('millrace_slots_busy{service="api"} 0');
  expect(text).toContain('millrace_run_seconds_bucket{le="2",service="api"} 1');
});

test("what is rendered is read by a parser", async () => {
  const m = metrics();
  m.counter({ name: "millrace_odd_total", help: 'a "b"\n\\', labels: ["type"] }).add({ type: 'x"\n\\' });
  const names = parse(await m.render()).map((family) => family.name);
  expect(names).toContain("millrace_odd_total");
});

test("a gauge can be set when it is scraped, as a whole", async () => {
  const m = metrics();
  let lanes = ["short", "long"];
  m.gauge({
    name: "millrace_lane_tasks",
    help: "x",
    labels: ["lane"],
    collect: (gauge) => {
      gauge.clear();
      for (const lane of lanes) gauge.set({ lane }, 7);
    },
  });
  expect(await m.render()).toContain('lane="long"');
  lanes = ["short"];
  expect(await m.render()).not.toContain('lane="long"');
});

test("two registries in one process do not mix", async () => {
  const [one, two] = [metrics(), metrics()];
  one.counter({ name: "millrace_x_total", help: "x" }).add({});
  expect(await two.render()).not.toContain("millrace_x_total");
});

describe("names", () => {
  test.each(["tasks_total", "millrace_Tasks_total", "millrace__total", "millrace_tasks"])(
    "a counter cannot be called %p",
    (name) => expect(() => metrics().counter({ name, help: "x" })).toThrow(),
  );

  test("a gauge does not end in _total", () => {
    expect(() => metrics().gauge({ name: "millrace_tasks_total", help: "x" })).toThrow();
  });

  test("a name is taken once", () => {
    const m = metrics();
    m.gauge({ name: "millrace_twice", help: "x" });
    expect(() => m.gauge({ name: "millrace_twice", help: "x" })).toThrow();
  });
});

test("a label that takes ever new values ends as other", async () => {
  const m = metrics();
  const counter = m.counter({ name: "millrace_hosts_total", help: "x", labels: ["host"] });
  for (let host = 0; host < 1_000; host += 1) counter.add({ host: `h${host}` });
  const series = (await m.render()).split("\n").filter((line) => line.startsWith("millrace_hosts_total{"));
  expect(series.length).toBe(101);
  expect(series.find((line) => line.includes('host="other"'))).toEndWith(" 900");
});

test("the process is measured: what runs, CPU, memory, start", async () => {
  const families = parse(await metrics().render());
  const first = (name: string) => families.find((candidate) => candidate.name === name)?.metrics[0];
  const firstValue = (name: string) => Number(first(name)?.value);
  expect(firstValue("process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(firstValue("process_resident_memory_bytes")).toBeGreaterThan(10 * 1024 * 1024);
  expect(Math.abs(firstValue("process_start_time_seconds") - Date.now() / 1000)).toBeLessThan(3_600);
  expect(first("millrace_build_info")).toMatchObject({ value: "1", labels: { bun: Bun.version } });
});

test("an event loop that is held shows as the delay of its timers", async () => {
  const m = metrics();
  const { promise: held, resolve } = Promise.withResolvers<void>();
  setTimeout(() => {
    Bun.sleepSync(400);
    resolve();
  }, 1);
  await held;
  const late = async () => sumOf(await m.render(), "millrace_event_loop_delay_seconds");
  const deadlineMs = performance.now() + 10_000;
  while ((await late()) < 0.2 && performance.now() < deadlineMs) await Bun.sleep(10);
  expect(await late()).toBeGreaterThan(0.2);
});

test("connections tell whether they stand, and how often they came back", async () => {
  const m = metrics();
  const state = { isConnected: true, reconnects: 0 };
  registerNatsMetrics(m, { isConnected: () => state.isConnected, reconnects: () => state.reconnects });
  expect(await m.render()).toContain('millrace_nats_connected{service="api"} 1');
  state.isConnected = false;
  state.reconnects = 2;
  const told = await m.render();
  expect(told).toContain('millrace_nats_connected{service="api"} 0');
  expect(told).toContain('millrace_nats_reconnects_total{service="api"} 2');
});

test("groups of one registry share a histogram, by what they commit", async () => {
  const m = metrics();
  groupSizes(m, "submit")(3);
  groupSizes(m, "publish")(1);
  groupSizes(m, "publish")(400);
  const told = await m.render();
  expect(told).toContain('millrace_group_commit_rows_count{service="api",group="submit"} 1');
  expect(told).toContain('millrace_group_commit_rows_sum{service="api",group="publish"} 401');
});

function sumOf(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name}_sum`));
  return Number(line?.split(" ").at(-1));
}
