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

/** The product's files, with a change in one of them. */
async function changed(path: string, change: object): Promise<string> {
  await cp(NATS_FOLDER, folder, { recursive: true });
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
    const refused = await provision(bus, { mayChange: false }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
    expect(String(refused)).toContain("NATS has no stream");
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

  test("a process that may not change anything only tells", async () => {
    await provision(bus, { folder: await changed("consumers/TASKS/short-p5.json", { max_ack_pending: 7 }) });
    for (let round = 0; round < 2; round++)
      expect((await provision(bus, { mayChange: false })).drifts).toMatchObject([
        { what: "consumer TASKS/short-p5" },
      ]);
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
