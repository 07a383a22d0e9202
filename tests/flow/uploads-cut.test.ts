import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPool } from "@millrace/store";
import { callWith, signUp } from "../support/api.ts";
import { type ApiSite, startApiProcess, startApiSite } from "../support/api-process.ts";
import { bytesAt, MIB } from "../support/blobs.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { newDice } from "../support/dice.ts";
import { untilTrue } from "../support/running-stack.ts";
import { idOf, uploadWithClient } from "../support/tus.ts";

const SIZE = 100 * MIB;
const CUTS = 20;

let site: ApiSite;
beforeAll(async () => {
  site = await startApiSite();
}, 60_000);
afterAll(() => site.stop(), 60_000);

test("100 MB arrive whole, as one task, through twenty broken connections and the death of the api", async () => {
  const dice = newDice();
  const api = await startApiProcess(site);
  const proxy = await startCuttingProxy(api.port, {
    ...{ cuts: CUTS, bytesMin: MIB / 2, bytesMax: 6 * MIB, dice },
  });
  const { accessToken } = await signUp(
    callWith((request) => fetch(request), api.url),
    "user@example.org",
  );
  const file = Buffer.from(bytesAt(0, SIZE, dice.between(1, 255)));
  const sha256 = new Bun.CryptoHasher("sha256").update(file).digest("hex");
  let accepted = 0;
  const upload = uploadWithClient(file, {
    endpoint: `${proxy.url}/api/uploads`,
    headers: { Authorization: `Bearer ${accessToken}` },
    onChunkComplete: (_size, bytesAccepted) => {
      accepted = bytesAccepted;
    },
  });
  const killed = untilTrue(() => accepted > SIZE * 0.4, 60_000, "the first 40 MB").then(() => api.kill9());
  await Promise.race([killed, upload.done]);
  await api.restart();
  await upload.done;
  expect(proxy.left).toBe(0);
  const sql = openPool({ url: site.databaseUrl, max: 1, applicationName: "test" });
  const tasks = await sql<
    { task_id: string; payload: unknown }[]
  >`select task_id, payload from tasks where task_type = 'file.process'`;
  const files = await sql`select file_id, state, size, sha256 from files where state <> 'expired'`;
  await sql.end();
  const id = idOf(upload.url() ?? "");
  expect(tasks).toMatchObject([{ task_id: id, payload: { size: SIZE, sha256 } }]);
  expect(files.map((each) => ({ ...each }))).toEqual([
    { file_id: id, state: "uploaded", size: SIZE, sha256 },
  ]);
  await api.stop();
  await proxy.close();
}, 180_000);
