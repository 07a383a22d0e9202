import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { bytesAt, MIB } from "../support/blobs.ts";
import { type CliRun, runCli } from "../support/run-cli.ts";
import { scratch } from "../support/scratch.ts";
import { tempHome } from "../support/servers.ts";
import { startStack } from "../support/stack-under-test.ts";

/** Somebody at a shell has files processed. */
let home = "";
let folder = "";
beforeAll(async () => {
  home = await tempHome();
  folder = (await scratch()).folder("files");
  await (await startStack({ home })).ready();
}, 90_000);

function millrace(...args: readonly string[]): Promise<CliRun> {
  return runCli(["files", ...args], { env: { MILLRACE_HOME: home } });
}

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  await Bun.write(join(folder, name), content);
  return join(folder, name);
}

const sha256 = (bytes: Uint8Array) => Bun.CryptoHasher.hash("sha256", bytes, "hex");

test("a small file is sent, processed, shown, listed, fetched and deleted", async () => {
  const path = await fileOf("poem.txt", "straße\n");
  const sent = await millrace("upload", path, "uppercase", "--wait", "--json");
  expect(sent).toMatchObject({ status: 0, stderr: "" });
  const { file_id: fileId, ...file } = JSON.parse(sent.stdout);
  expect(file).toMatchObject({ filename: "poem.txt", status: "completed", upload: "multipart" });
  expect((await millrace("get", fileId)).stdout).toMatch(/^status +completed$/m);
  expect((await millrace("ls")).stdout).toContain(fileId);
  expect((await millrace("result", fileId, "--out", "-")).stdout).toBe("STRASSE\n");
  const out = join(folder, "poem.upper");
  expect((await millrace("result", fileId, "--out", out)).status).toBe(0);
  expect(await Bun.file(out).text()).toBe("STRASSE\n");
  const again = await millrace("result", fileId, "--out", out);
  expect([again.status, again.stderr]).toEqual([2, expect.stringContaining("exists")]);
  expect((await millrace("rm", fileId)).status).toBe(0);
  expect((await millrace("get", fileId)).status).toBe(1);
}, 60_000);

test("a large file is sent in chunks, and comes back as it was", async () => {
  const bytes = new Uint8Array(bytesAt(0, 20 * MIB));
  const path = await fileOf("big.bin", bytes);
  const sent = await millrace("upload", path, "checksum", "--json");
  const file = JSON.parse(sent.stdout);
  expect(file).toMatchObject({ upload: "tus", size: bytes.length, sha256: sha256(bytes) });
  const out = join(folder, "back.bin");
  await millrace("result", file.file_id, "--content", "--out", out);
  expect(sha256(await Bun.file(out).bytes())).toBe(sha256(bytes));
}, 60_000);

test("what is wrong is said, with the status that scripts look at", async () => {
  const path = await fileOf("table.csv", 'a,b\n1,2\n"x,3\n');
  const failed = await millrace("upload", path, "csv-profile", "--wait");
  expect([failed.status, failed.stdout]).toEqual([1, expect.stringMatching(/INPUT_INVALID.*line 3/)]);
  expect((await millrace("upload", path, "explode")).status).toBe(2);
  expect((await millrace("upload", join(folder, "none"), "gzip")).stderr).toContain("there is no file");
  expect((await millrace("upload", path, "gzip", "--options", "9")).stderr).toContain("--options");
  expect((await millrace("shred")).stderr).toContain("files needs one of ls, upload");
}, 60_000);
