import { expect, test } from "bun:test";
import { anyFreePort, PortClaims, type PortWish } from "@millrace/stack/ports";

const HOST = "127.0.0.1";

function claims() {
  const told: (readonly [string, number])[] = [];
  return { ports: new PortClaims(({ name }, port) => told.push([name, port])), told };
}

function wish(port: number): PortWish {
  return { name: "api", port, host: HOST };
}

test("a free port is given as wished, without a word", async () => {
  const { ports, told } = claims();
  const port = await anyFreePort();
  expect(await ports.claim(wish(port))).toBe(port);
  expect(told).toEqual([]);
  ports.releaseAll();
});

test("a taken port gives the next free one, and this is told", async () => {
  const { ports, told } = claims();
  const server = Bun.listen({ hostname: HOST, port: 0, socket: { data: () => {} } });
  const got = await ports.claim(wish(server.port));
  expect(got).toBeGreaterThan(server.port);
  expect(told).toEqual([["api", got]]);
  server.stop(true);
  ports.releaseAll();
});

test("two stacks that ask at the same moment get different ports, although nobody listens yet", async () => {
  const [one, two] = [claims().ports, claims().ports];
  const port = await anyFreePort();
  const got = await Promise.all([one.claim(wish(port)), two.claim(wish(port))]);
  expect(new Set(got).size).toBe(2);
  one.releaseAll();
  expect(await two.claim(wish(got[0] ?? 0))).toBe(got[0] ?? 0);
  two.releaseAll();
});

test("port 0 is any free one, and none that an outgoing connection could take meanwhile", async () => {
  const { ports, told } = claims();
  const got = await Promise.all(Array.from({ length: 20 }, () => ports.claim(wish(0))));
  expect(new Set(got).size).toBe(20);
  for (const port of got) {
    expect(port).toBeGreaterThanOrEqual(10_000);
    expect(port).toBeLessThan(32_968); // The search goes on from there, for 200 at most.
  }
  expect(told).toEqual([]);
  ports.releaseAll();
});

test("who asks at the same moment gets another one", async () => {
  const got = await Promise.all(Array.from({ length: 20 }, () => anyFreePort()));
  expect(new Set(got).size).toBe(20);
});

test("an address that is not this machine's is refused with a reason", async () => {
  const { ports } = claims();
  await expect(ports.claim({ name: "api", port: 18_000, host: "192.0.2.1" })).rejects.toThrow(
    /192\.0\.2\.1:18000/,
  );
});

test("the search ends at the last port", async () => {
  const { ports } = claims();
  const server = Bun.listen({ hostname: HOST, port: 65_535, socket: { data: () => {} } });
  await expect(ports.claim(wish(65_535))).rejects.toThrow(/no free port/);
  server.stop(true);
});
