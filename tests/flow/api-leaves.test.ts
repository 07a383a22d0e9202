import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ApiProcess, type ApiSite, startApiProcess, startApiSite } from "../support/api-process.ts";
import { untilTrue } from "../support/running-stack.ts";

const START_MS = 60_000;
const NOTICE_S = 5;

let site: ApiSite;
let api: ApiProcess;
beforeAll(async () => {
  site = await startApiSite();
  api = await startApiProcess(site, { DRAIN_NOTICE: String(NOTICE_S) });
}, START_MS);
afterAll(() => site?.stop(), START_MS);

const get = (path: string) => fetch(`${api.url}${path}`, { keepalive: false });

test(
  "an api that is told to stop says so, goes on answering for the notice, ends each connection after its answer, and ends",
  async () => {
    expect((await get("/health/ready")).status).toBe(200);
    expect((await get("/health/live")).headers.get("connection")).not.toBe("close");

    const toldMs = performance.now();
    process.kill(api.pid, "SIGTERM");
    await untilTrue(async () => (await get("/health/ready")).status === 503, START_MS, "not ready");
    const readiness = (await (await get("/health/ready")).json()) as { checks: Record<string, unknown> };
    expect(readiness.checks.process).toEqual({ status: "down", reason: "draining" });

    const answer = await get("/api/tasks");
    expect({ status: answer.status, connection: answer.headers.get("connection") }).toEqual({
      ...{ status: 401, connection: "close" },
    });
    await untilTrue(() => !api.isRunning, START_MS, "the end");
    expect(performance.now() - toldMs).toBeGreaterThanOrEqual(NOTICE_S * 1_000);
    await api.stop();
    expect(api.exitCode).toBe(0);
    expect(await get("/health/live").catch(() => "refused")).toBe("refused");
  },
  START_MS,
);
