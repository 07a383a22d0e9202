import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPool, type Sql } from "@millrace/store";
import { chargeLogin, forgiveLogin } from "@millrace/store/identity/index";
import { type FreshDatabase, freshDatabase } from "../../../support/servers.ts";

const NOON_MS = Date.UTC(2026, 0, 15, 12);
const at = (ms: number) => new Date(NOON_MS + ms);

let database: FreshDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 2, applicationName: "test" });
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database.drop();
});

test("attempts that are free block nobody, not even one that asked a moment earlier and comes a moment later", async () => {
  const subject = { subject: "address:192.0.2.1", free: 20 };
  const second = await chargeLogin(sql, [subject], at(5));
  expect(second.kind).toBe("charged");
  // Its clock was read before the other one's, and its statement runs after it.
  const first = await chargeLogin(sql, [subject], at(0));
  expect(first.kind).toBe("charged");
  if (second.kind === "charged") await forgiveLogin(sql, second.charges);
  expect((await chargeLogin(sql, [subject], at(50))).kind).toBe("charged");
});

test("the first attempt that is not free blocks the next one for a second, until it is forgiven", async () => {
  const subject = { subject: "address:192.0.2.2", free: 2 };
  for (const ms of [0, 1]) expect((await chargeLogin(sql, [subject], at(ms))).kind).toBe("charged");
  const third = await chargeLogin(sql, [subject], at(2));
  expect(third.kind).toBe("charged");
  expect(await chargeLogin(sql, [subject], at(1_001))).toEqual({ kind: "blocked", until: at(1_002) });
  if (third.kind === "charged") await forgiveLogin(sql, third.charges);
  expect((await chargeLogin(sql, [subject], at(4))).kind).toBe("charged");
});
