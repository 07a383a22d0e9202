import { expect, test } from "bun:test";
import { submittedAtMs } from "@millrace/protocol";
import { openPool } from "@millrace/store";
import { freshDatabase } from "../../support/servers.ts";

test("the id of a task tells when it was stored, as the database's own function writes it", async () => {
  const database = await freshDatabase({ migrated: true });
  const sql = openPool({ url: database.url, max: 1, applicationName: "test" });
  const [row] = await sql<{ seq: number }[]>`select seq_at('2026-03-04T05:06:07.089Z')::bigint as seq`;
  expect(new Date(submittedAtMs((row?.seq ?? 0) + 4_095)).toISOString()).toBe("2026-03-04T05:06:07.089Z");
  await sql.end();
  await database.drop();
});
