// Runs alone: three NATS servers, eight services and a steady load would starve whatever runs beside them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mixedWork } from "../support/topology/mixed-work.ts";
import { startTopology, type Topology } from "../support/topology/start-topology.ts";
import { startSteadyLoad } from "../support/topology/steady-load.ts";

const START_MS = 180_000;
const ROLL_MS = 300_000;
const PER_SECOND = 200;

let topology: Topology;
beforeAll(async () => {
  topology = await startTopology();
}, START_MS);
afterAll(() => topology?.stop(), START_MS);

test(
  "each service and each NATS server is stopped and started under load, no request fails, and nothing is lost or done twice",
  async () => {
    const { proxy, headers, services, cluster, sql } = topology;
    const work = mixedWork("rolling");
    const startedMs = performance.now();
    const load = startSteadyLoad({ url: proxy.url, perSecond: PER_SECOND, headers, next: work.next });
    const statuses: Record<string, number | null> = {};
    for (const service of services) statuses[service.name] = await topology.roll(service);
    for (const node of cluster.nodes) {
      await node.leave();
      await node.restart();
      await cluster.untilWhole();
    }
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    await load.stop();
    const counts = work.counts();
    process.stderr.write(
      `rolled in ${seconds} s: ${JSON.stringify(counts)}, slowest ${work.slowestMs()} ms, failures ${JSON.stringify(work.failures(), null, 1)}\n`,
    );
    await work.untilDone(sql);
    expect(work.failures()).toEqual({});
    expect(statuses).toEqual(Object.fromEntries(services.map(({ name }) => [name, 0])));
    expect(counts.events + counts.tasks + counts.reads).toBeGreaterThan(seconds * PER_SECOND * 0.9);
    expect(await work.verdict(sql)).toEqual({
      ...{ eventsLost: 0, eventsTwice: 0, eventsStoredUnanswered: 0 },
      ...{ tasksNotCompleted: 0, tasksCompletedTwice: 0, openTasks: 0 },
    });
  },
  ROLL_MS,
);
