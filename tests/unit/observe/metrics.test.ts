import { describe, expect, test } from "bun:test";
import { createMetrics } from "@millrace/observe";
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

test("the process is measured: CPU, memory, start, lag of the event loop", async () => {
  const families = parse(await metrics().render());
  const firstValue = (name: string) => {
    const family = families.find((candidate) => candidate.name === name);
    return Number(family?.metrics[0]?.value);
  };
  expect(firstValue("process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(firstValue("process_resident_memory_bytes")).toBeGreaterThan(10 * 1024 * 1024);
  expect(Math.abs(firstValue("process_start_time_seconds") - Date.now() / 1000)).toBeLessThan(3_600);
  expect(firstValue("millrace_event_loop_lag_seconds")).toBeGreaterThanOrEqual(0);
});
