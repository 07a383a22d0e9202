import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, connectBus, diff, NATS_FOLDER, provision } from "@millrace/bus";
import { type NatsUnderTest, startNats } from "../../support/servers.ts";

let server: NatsUnderTest;
let bus: Bus;
let folder: string;
beforeEach(async () => {
  server = await startNats();
  bus = await connectBus({ urls: [server.url], name: "millrace-test" });
  folder = await mkdtemp(join(tmpdir(), "millrace-nats-"));
});
afterEach(async () => {
  await bus.connection.close();
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Buckets as the client library makes them, which the product did before they had files. */
const FORMER_BUCKETS = [
  { name: "alerts", max_age: 86_400_000_000_000, max_bytes: 16_777_216 },
  { name: "breakers", max_age: 0, max_bytes: 16_777_216 },
  { name: "control", max_age: 0, max_bytes: -1 },
  { name: "workers", max_age: 3_600_000_000_000, max_bytes: -1 },
];

async function makeFormerBucket({ name, ...bounds }: (typeof FORMER_BUCKETS)[number]): Promise<void> {
  await bus.manager.streams.add({
    ...{
      name: `KV_${name}`,
      subjects: [`$KV.${name}.>`],
      max_msgs_per_subject: 1,
      num_replicas: 1,
      ...bounds,
    },
    ...{ retention: "limits", storage: "file", discard: "new", allow_direct: true, allow_rollup_hdrs: true },
  });
}

/** NATS_PROVISION=verify. */
function asGuest(): Bus {
  return { ...bus, streams: { replicas: 1, mayChange: false } };
}

/** The product's files, with a change in one of them. */
async function changed(path: string, change: object, former: "forget" | "keep" = "forget"): Promise<string> {
  if (former === "forget") await cp(NATS_FOLDER, folder, { recursive: true });
  const file = Bun.file(join(folder, path));
  await file.write(JSON.stringify({ ...(await file.json()), ...change }));
  return folder;
}

describe("on an empty server", () => {
  test("everything is created once, and a second time there is nothing to do", async () => {
    const first = await provision(bus);
    expect(first.created).toContain("stream TASKS");
    expect(first.created.filter((what) => what.startsWith("consumer TASKS/"))).toHaveLength(30);
    expect(first.drifts).toEqual([]);
    expect(await provision(bus)).toEqual({ created: [], drifts: [] });
  });

  test("services that start at once do not get into each other's way", async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => provision(bus)));
    expect(all.flatMap(({ drifts }) => drifts)).toEqual([]);
    expect(await provision(bus)).toEqual({ created: [], drifts: [] });
  });

  test("a process that may not change anything names what is missing, and creates nothing", async () => {
    const refused = await provision(asGuest()).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
    for (const name of ["EVENTS", "TASKS", "KV_workers"])
      expect(String(refused)).toContain(`NATS has no stream ${name}`);
    expect(await bus.manager.streams.names().next()).toEqual([]);
  });
});

describe("where the server has it otherwise", () => {
  test.each([
    ["streams/DLQ.json", { max_bytes: 1_000_000 }, "stream DLQ", "max_bytes"],
    ["consumers/TASKS/short-p5.json", { max_ack_pending: 7 }, "consumer TASKS/short-p5", "max_ack_pending"],
    ["consumers/TASKS/long-p1.json", { ack_wait: 5_000_000_000 }, "consumer TASKS/long-p1", "ack_wait"],
  ])("%s: it is told and mended", async (path, change, what, name) => {
    await provision(bus, { folder: await changed(path, change) });
    const { created, drifts } = await provision(bus);
    expect(created).toEqual([]);
    expect(drifts).toMatchObject([{ what, fields: [{ name, found: Object.values(change)[0] }] }]);
    expect((await provision(bus)).drifts).toEqual([]);
  });

  test("a process that may not change anything refuses it, names each difference, and changes nothing", async () => {
    await changed("consumers/TASKS/short-p5.json", { max_ack_pending: 7 });
    await provision(bus, { folder: await changed("streams/DLQ.json", { max_bytes: 1_000_000 }, "keep") });
    for (let round = 0; round < 2; round++) {
      const refused = String(await provision(asGuest()).catch((error: unknown) => error));
      expect(refused).toContain("NATS_PROVISION is verify");
      expect(refused).toContain("stream DLQ: max_bytes is 1000000 instead of 1073741824");
      expect(refused).toContain("consumer TASKS/short-p5: max_ack_pending is 7 instead of 20000");
    }
  });

  test("a process that may not change anything starts where all is as it should be, whatever it is described as", async () => {
    await provision(bus, {
      folder: await changed("streams/DLQ.json", { description: "the operator's own" }),
    });
    expect(await provision(asGuest())).toEqual({ created: [], drifts: [] });
  });

  test("streams that are not written lazily are slower and no reason to refuse them, nor to make them anew", async () => {
    await provision(bus, { folder: await changed("streams/TASKS.json", { persist_mode: undefined }) });
    const { created } = await bus.manager.streams.info("TASKS");
    expect(await provision(asGuest())).toEqual({ created: [], drifts: [] });
    expect(await provision(bus)).toEqual({ created: [], drifts: [] });
    const { max_msgs_per_subject } = (
      await provision(bus, { folder: await changed("streams/TASKS.json", { max_msgs_per_subject: 5 }) }).then(
        () => bus.manager.streams.info("TASKS"),
      )
    ).config;
    expect(max_msgs_per_subject).toBe(5); // What else differs is mended all the same.
    expect((await bus.manager.streams.info("TASKS")).created).toBe(created);
  });

  test("buckets that were made without the files are taken as they are", async () => {
    for (const bucket of FORMER_BUCKETS) await makeFormerBucket(bucket);
    const { created, drifts } = await provision(bus);
    expect(created.filter((what) => what.includes("KV_"))).toEqual([]);
    expect(drifts.flatMap(({ fields }) => fields.map(({ name }) => name))).toEqual(
      FORMER_BUCKETS.map(() => "description"),
    );
  });

  test("what the server refuses to change is named, with the field, and what to do", async () => {
    await provision(bus, { folder: await changed("streams/ADVISORIES.json", { storage: "memory" }) });
    const refused = await provision(bus).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
    expect(String(refused)).toMatch(/stream ADVISORIES.*storage is "memory" instead of "file"/);
  });
});

describe("where there is no room for what a stream may grow to", () => {
  const GREEDY = 2 ** 60;

  test("it is made as large as fits, and a second service finds it so; both tell", async () => {
    const greedy = await changed("streams/EVENTS.json", { max_bytes: GREEDY });
    const { created, drifts } = await provision(bus, { folder: greedy });
    expect(created).toContain("stream EVENTS");
    const [drift] = drifts;
    expect(drift).toMatchObject({ what: "stream EVENTS", fields: [{ name: "max_bytes", wanted: GREEDY }] });
    const found = Number(drift?.fields[0]?.found);
    expect(found).toBeGreaterThanOrEqual(16 * 1024 * 1024);
    expect(drift?.reason).toContain(String(found));
    expect(await provision(bus, { folder: greedy })).toEqual({ created: [], drifts });
  });

  test("what else differs is mended all the same", async () => {
    await provision(bus, { folder: await changed("streams/EVENTS.json", { description: "old" }) });
    const { drifts } = await provision(bus, {
      folder: await changed("streams/EVENTS.json", { max_bytes: GREEDY }),
    });
    expect(drifts).toMatchObject([{ what: "stream EVENTS", reason: expect.stringContaining("no room") }]);
    const { config } = await bus.manager.streams.info("EVENTS");
    expect(config.description).not.toBe("old");
  });
});

describe("diff", () => {
  test("sees what the file names and the server has otherwise, and nothing else", () => {
    expect(diff({ a: 1, b: [1, 2] }, { a: 2, b: [1, 2], c: 3 })).toEqual([
      { name: "a", wanted: 1, found: 2 },
    ]);
  });

  test("takes what the server leaves out for zero, false or empty", () => {
    expect(diff({ a: 0, b: false, c: "", d: null }, {})).toEqual([]);
    expect(diff({ a: 1 }, {})).toEqual([{ name: "a", wanted: 1, found: undefined }]);
  });
});
