import { expect, test } from "bun:test";
import { createServer } from "node:http";
import { cuttingFetch } from "@millrace/cli/demo/cutting-fetch";

test("the planned connections break where they should, and no others", async () => {
  const seen: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    let bytes = 0;
    try {
      for await (const chunk of request) bytes += chunk.length;
      seen.push(`all ${bytes}`);
      response.end("{}");
    } catch {
      seen.push(`${bytes}, then nothing`);
      arrived.resolve();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
  try {
    const plan = new Map([
      [2, "answer"],
      [3, "request"],
    ] as const);
    const { fetch, cuts } = cuttingFetch(plan);
    const post = () => fetch(url, { method: "POST", body: "x".repeat(1_000) });
    expect((await post()).status).toBe(200);
    await expect(post()).rejects.toThrow("before the answer");
    await expect(post()).rejects.toThrow("middle of the request");
    expect((await post()).status).toBe(200);
    await arrived.promise;
    expect(seen.toSorted()).toEqual(["500, then nothing", "all 1000", "all 1000", "all 1000"]);
    expect(cuts()).toBe(2);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
