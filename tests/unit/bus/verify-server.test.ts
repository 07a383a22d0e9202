import { afterAll, beforeAll, expect, test } from "bun:test";
import { API_LEVEL_MIN, type Bus, connectBus, verifyServer } from "@millrace/bus";
import { freePort, type NatsUnderTest, startNats } from "../../support/servers.ts";

let server: NatsUnderTest;
let bus: Bus;
beforeAll(async () => {
  server = await startNats();
  bus = await connectBus({ urls: [server.url], name: "millrace-test" });
});
afterAll(() => bus.connection.close());

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error: unknown) => error,
  );

test("the server as the product configures it is accepted", async () => {
  const report = await verifyServer(bus, [server.monitorUrl]);
  expect(report).toMatchObject({ doesSyncAlways: true });
  expect(report.apiLevel).toBeGreaterThanOrEqual(API_LEVEL_MIN);
});

test("without a monitoring address nobody can tell whether it syncs, and that is said", async () => {
  expect(await verifyServer(bus, undefined)).toMatchObject({ doesSyncAlways: null });
});

test("a server that acknowledges before it syncs is refused, with the setting to change", async () => {
  const lazy = await startNats({ doesSyncAlways: false });
  const lazyBus = await connectBus({ urls: [lazy.url], name: "millrace-test" });
  const refused = await refusal(verifyServer(lazyBus, [lazy.monitorUrl]));
  expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
  expect(String(refused)).toContain("sync_interval: always");
  await lazyBus.connection.close();
  await lazy.stop();
});

test("of several servers, one that acknowledges before it syncs is enough to refuse them, and is named", async () => {
  const lazy = await startNats({ doesSyncAlways: false });
  const refused = await refusal(verifyServer(bus, [server.monitorUrl, lazy.monitorUrl]));
  expect(String(refused)).toContain(
    `the nats-server at ${new URL(lazy.monitorUrl).host} acknowledges before`,
  );
  await lazy.stop();
});

test("of several servers, one that is down is told, and the others count", async () => {
  const down = `127.0.0.1:${await freePort()}`;
  const report = await verifyServer(bus, [`http://${down}`, server.monitorUrl]);
  expect(report).toMatchObject({ doesSyncAlways: true, unseen: [down] });
});

test("a name is asked at each address that it has", async () => {
  const { port } = new URL(server.monitorUrl);
  expect(await verifyServer(bus, [`http://localhost:${port}`])).toMatchObject({ doesSyncAlways: true });
});

/** An old server cannot be had; what one would say can. */
function answering(api: object): Bus {
  const manager = { getAccountInfo: async () => ({ api }) };
  return { ...bus, manager: manager as unknown as Bus["manager"] };
}

test.each([{}, { level: 0 }, { level: API_LEVEL_MIN - 1 }])(
  "a server that says %j is refused as too old",
  async (api) => {
    const refused = await refusal(verifyServer(answering(api), [server.monitorUrl]));
    expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
    expect(String(refused)).toContain("use 2.14 or newer");
  },
);

test("a server of the lowest level is accepted", async () => {
  expect(await verifyServer(answering({ level: API_LEVEL_MIN }), undefined)).toMatchObject({
    apiLevel: API_LEVEL_MIN,
  });
});

test("a monitoring address that nobody answers at is a failure, not a yes", async () => {
  const refused = await refusal(verifyServer(bus, [`http://127.0.0.1:${await freePort()}`]));
  expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
  expect(String(refused)).toContain("monitoring address");
});

test("an address where something else answers is a failure, too", async () => {
  const other = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("<html>hello</html>"),
  });
  const refused = await refusal(verifyServer(bus, [other.url.href]));
  expect(refused).toMatchObject({ code: "BUS_UNAVAILABLE" });
  await other.stop(true);
});
