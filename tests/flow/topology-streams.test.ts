import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import {
  type Bus,
  connectBus,
  EventPublisher,
  NATS_FOLDER,
  provision,
  provisionAtStart,
  verifyServer,
} from "@millrace/bus";
import { type NatsCluster, startNatsCluster } from "../support/nats-cluster.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startNats } from "../support/servers.ts";

const START_MS = 120_000;
const THREE = { replicas: 3, mayChange: true };

let cluster: NatsCluster;
let bus: Bus;
beforeAll(async () => {
  cluster = await startNatsCluster();
  bus = await connectBus({ urls: cluster.url.split(","), name: "millrace-test" });
}, START_MS);
afterAll(async () => {
  await bus.connection.close();
  await cluster.stop();
}, START_MS);

const names = [
  "ADVISORIES",
  "DLQ",
  "EVENTS",
  "KV_alerts",
  "KV_breakers",
  "KV_control",
  "KV_workers",
  "TASKS",
];

async function replicasOf(of: Bus): Promise<Readonly<Record<string, number>>> {
  const infos = await Promise.all(names.map((name) => of.manager.streams.info(name)));
  return Object.fromEntries(infos.map(({ config }) => [config.name, config.num_replicas]));
}

/** As the api does: servers that the stream was made on a moment ago may not know their ways to it yet. */
async function publishEvent(): Promise<void> {
  const request = { first: 0, count: 1, owner: 1, at: Date.now(), cid: "test", source: null, rejected: 0 };
  const body = Buffer.from(JSON.stringify({ type: "test", message: "kept" }));
  await new EventPublisher(bus).publish({ door: "http", body, events: 1, requests: [request] });
}

const all = (replicas: number) => Object.fromEntries(names.map((name) => [name, replicas]));

test(
  "streams of one replica are raised to three, buckets too, and TASKS is made anew, since it was written lazily",
  async () => {
    await provisionAtStart(bus);
    expect(await replicasOf(bus)).toEqual(all(1));
    expect((await bus.manager.streams.info("TASKS")).config.persist_mode).toBe("async");
    await publishEvent();

    const raised: Bus = { ...bus, streams: THREE };
    const { drifts } = await provisionAtStart(raised);
    expect(drifts.map(({ what }) => what).sort()).toEqual(names.map((name) => `stream ${name}`).sort());
    expect(drifts.flatMap(({ reason = [] }) => reason)).toEqual([expect.stringContaining("is made anew")]);
    expect(await replicasOf(raised)).toEqual(all(3));
    expect((await bus.manager.streams.info("TASKS")).config.persist_mode).toBeUndefined();
    expect((await bus.manager.streams.info("EVENTS")).state.messages).toBe(1);
    await cluster.untilWhole();
    const { cluster: group } = await bus.manager.consumers.info("TASKS", "short-p5");
    await untilTrue(
      async () => (await bus.manager.consumers.info("EVENTS", "recorder")).cluster?.replicas?.length === 2,
      START_MS,
      "the recorder's consumer on three servers",
    );
    expect(group?.replicas).toHaveLength(2);
    expect(await provision(raised)).toEqual({ created: [], drifts: [] });
  },
  START_MS,
);

test(
  "a process that was told fewer replicas leaves them as they are, and says so",
  async () => {
    const { created, drifts } = await provision(bus);
    expect(created).toEqual([]);
    expect(drifts).toHaveLength(names.length);
    for (const { reason } of drifts)
      expect(reason).toContain("3 replicas, and NATS_REPLICAS says 1: they stay");
    expect(await replicasOf(bus)).toEqual(all(3));
  },
  START_MS,
);

test("more replicas than there are servers are refused, by the name of the variable", async () => {
  await bus.manager.streams.delete("KV_alerts");
  const greedy: Bus = { ...bus, streams: { replicas: 5, mayChange: true } };
  const refused = await provision(greedy).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
  expect(String(refused)).toMatch(/NATS_REPLICAS is 5|num_replicas is 3 instead of 5/);
});

test(
  "each server of the cluster is asked whether it syncs, and one that is down is told and not waited for",
  async () => {
    const urls = cluster.nodes.map(({ monitorUrl }) => monitorUrl);
    expect(await verifyServer(bus, urls)).toMatchObject({ doesSyncAlways: true, unseen: [] });
    const leading = await cluster.leader();
    await leading.kill9();
    const { host } = new URL(leading.monitorUrl);
    expect(await verifyServer(bus, urls)).toMatchObject({ doesSyncAlways: true, unseen: [host] });
    await leading.restart();
    await cluster.untilWhole();
  },
  START_MS,
);

test(
  "services that start together with a cluster that has never had a leader all find their streams",
  async () => {
    const fresh = await startNatsCluster();
    await Promise.all(fresh.nodes.map((node) => node.kill9()));
    const starting = Promise.all(
      Array.from({ length: 4 }, async (_, index) => {
        const own = await connectBus({
          urls: fresh.url.split(","),
          name: `starting-${index}`,
          streams: THREE,
        });
        await provisionAtStart(own);
        return own;
      }),
    );
    await Promise.all(fresh.nodes.map((node) => node.restart()));
    const started = await starting;
    const [first] = started;
    if (first === undefined) throw new Error("nobody has started");
    expect(await replicasOf(first)).toEqual(all(3));
    expect(await provision(first)).toEqual({ created: [], drifts: [] });
    await Promise.all(started.map(({ connection }) => connection.close()));
    await fresh.stop();
  },
  START_MS,
);

test("the files say one replica, which is what one server can do", async () => {
  for (const name of names)
    expect(await Bun.file(`${NATS_FOLDER}streams/${name}.json`).json()).toMatchObject({ num_replicas: 1 });
});

test(
  "a service that may only compare refuses to start on a server without streams, and says what is missing",
  async () => {
    const nats = await startNats();
    const child = Bun.spawn([process.execPath, join(import.meta.dirname, "../../apps/recorder/main.ts")], {
      env: {
        ...{ PATH: "/usr/bin:/bin", NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl },
        ...{
          DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
          NATS_PROVISION: "verify",
          LOG_FORMAT: "json",
        },
      },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [said, status] = await Promise.all([child.stderr.text(), child.exited]);
    expect(status).not.toBe(0);
    for (const name of names) expect(said).toContain(`NATS has no stream ${name}`);
    const own = await connectBus({ urls: [nats.url], name: "millrace-test" });
    expect(await own.manager.streams.names().next()).toEqual([]);
    await own.connection.close();
    await nats.stop();
  },
  START_MS,
);

test("one server cannot keep three replicas, and says so by the name of the variable", async () => {
  const nats = await startNats();
  const own = await connectBus({ urls: [nats.url], name: "millrace-test", streams: THREE });
  const refused = await provision(own).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
  expect(String(refused)).toContain("NATS_REPLICAS is 3");
  await own.connection.close();
  await nats.stop();
});
