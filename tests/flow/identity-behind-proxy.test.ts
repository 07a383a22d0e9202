import { afterAll, beforeAll, expect, test } from "bun:test";
import { LOGIN_FAILURES_FREE_ADDRESS } from "@millrace/core/limits";
import { type ApiProcess, type ApiSite, startApiProcess, startApiSite } from "../support/api-process.ts";

let site: ApiSite;
/** One that knows the proxy in front of it, and one that does not, on the same database. */
let behind: ApiProcess;
let open: ApiProcess;

beforeAll(async () => {
  site = await startApiSite();
  [behind, open] = await Promise.all([
    startApiProcess(site, { TRUSTED_PROXIES: "127.0.0.0/8" }),
    startApiProcess(site),
  ]);
}, 120_000);

afterAll(async () => {
  await behind.stop();
  await open.stop();
  await site.stop();
});

let accounts = 0;

/** A wrong password for an account that nobody has tried: only the address is counted. */
async function failLogin(url: string, forwardedFor: string): Promise<number> {
  accounts += 1;
  const { status } = await fetch(`${url}/api/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": forwardedFor },
    body: JSON.stringify({ email: `nobody-${accounts}@example.org`, password: "wrong-password-0" }),
  });
  return status;
}

/** Statuses of so many failures that an address is slowed down. */
async function failUntilSlowed(
  url: string,
  forwardedFor: (turn: number) => string,
): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (let turn = 0; turn < LOGIN_FAILURES_FREE_ADDRESS + 5; turn += 1)
    statuses.push(await failLogin(url, forwardedFor(turn)));
  return statuses;
}

test("behind a trusted proxy one caller is slowed down, however it forges, and others are not", async () => {
  const forged = await failUntilSlowed(behind.url, (turn) => `203.0.113.${turn}, 198.51.100.1`);
  expect(forged.slice(0, LOGIN_FAILURES_FREE_ADDRESS)).not.toContain(429);
  expect(forged).toContain(429);
  expect(await failLogin(behind.url, "198.51.100.2")).toBe(401);
}, 120_000);

test("without a trusted proxy the header changes nothing: its sender is slowed down", async () => {
  const statuses = await failUntilSlowed(open.url, (turn) => `198.51.100.${turn + 10}`);
  expect(statuses).toContain(429);
}, 120_000);
