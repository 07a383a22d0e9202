import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Bus, connectBus, UploadReleases } from "@millrace/bus";
import { type NatsUnderTest, startNats } from "../../support/servers.ts";

let server: NatsUnderTest;
let buses: Bus[];
let one: UploadReleases;
let other: UploadReleases;
beforeAll(async () => {
  server = await startNats();
  const connect = () => connectBus({ urls: [server.url], name: "test" });
  buses = await Promise.all([connect(), connect()]);
  [one, other] = buses.map((bus) => new UploadReleases(bus)) as [UploadReleases, UploadReleases];
}, 60_000);
afterAll(async () => {
  for (const bus of buses) await bus.connection.close();
  await server.stop();
}, 60_000);

/** Until the server knows what this side has said. */
const settled = () => Promise.all(buses.map((bus) => bus.connection.flush()));

test("what nobody holds is free", async () => {
  expect(await one.ask("a")).toBe("free");
});

test("the holder is asked, and answers free once it has let go", async () => {
  let asked = 0;
  const stop = one.hold("b", async () => {
    asked += 1;
  });
  await settled();
  expect(await other.ask("b")).toBe("free");
  expect(asked).toBe(1);
  stop();
});

test("a holder that goes on is busy, and holds no other upload", async () => {
  const letGo = Promise.withResolvers<void>();
  const stop = one.hold("c", () => letGo.promise);
  await settled();
  expect(await other.ask("c")).toBe("busy");
  expect(await other.ask("d")).toBe("free");
  letGo.resolve();
  expect(await other.ask("c")).toBe("free");
  stop();
});

test("who has stopped answering is not asked", async () => {
  let asked = 0;
  one.hold("e", async () => {
    asked += 1;
  })();
  await settled();
  expect(await other.ask("e")).toBe("free");
  expect(asked).toBe(0);
});

test("while the server is away, everything counts as free, and nothing waits for it", async () => {
  await server.kill9();
  const away = async () => {
    const startedMs = performance.now();
    const answer = await one.ask("f");
    return { answer, tookMs: performance.now() - startedMs };
  };
  await away();
  const { answer, tookMs } = await away();
  expect(answer).toBe("free");
  // Its time-out is half a second; a question that is not asked takes no time.
  expect(tookMs).toBeLessThan(400);
  expect(() => one.hold("f", async () => {})()).not.toThrow();
  await server.restart();
});
