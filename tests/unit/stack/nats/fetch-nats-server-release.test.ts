import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  assetsOf,
  fetchNatsServerRelease,
  findSum,
  type ReleasePlace,
} from "@millrace/stack/nats/fetch-nats-server-release";
import { versionOf } from "@millrace/stack/nats/nats-version";
import { tempHome } from "../../../support/servers.ts";

const NAME = "nats-server-v9.9.9-linux-amd64";
const files = new Map<string, Uint8Array | string>();
let server: ReturnType<typeof Bun.serve>;

beforeAll(async () => {
  const folder = await tempHome();
  mkdirSync(join(folder, NAME));
  const binary = join(folder, NAME, "nats-server");
  writeFileSync(binary, "#!/bin/sh\necho 'nats-server: v9.9.9'\n");
  chmodSync(binary, 0o755);
  const archive = join(folder, "archive.tar.gz");
  Bun.spawnSync(["tar", "-czf", archive, "-C", folder, NAME]);
  const bytes = readFileSync(archive);
  files.set(`/v9.9.9/${NAME}.tar.gz`, bytes);
  files.set("/v9.9.9/SHA256SUMS", `${createHash("sha256").update(bytes).digest("hex")}  ${NAME}.tar.gz\n`);
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const found = files.get(new URL(request.url).pathname.replace(/^\/[a-z]+(?=\/v)/, ""));
      return new Response(
        request.url.includes("/wrong/") && request.url.endsWith("SUMS") ? WRONG_SUMS : found,
        {
          status: found === undefined ? 404 : 200,
        },
      );
    },
  });
});
afterAll(() => server.stop(true));

const WRONG_SUMS = `${"0".repeat(64)}  ${NAME}.tar.gz\n`;

function place(more: Partial<ReleasePlace> = {}): ReleasePlace {
  return { base: server.url.origin, version: "9.9.9", platform: "linux", arch: "x64", ...more };
}

test("the binary of a release with the right checksum is unpacked, and runs", async () => {
  const folder = await tempHome();
  const to = join(folder, "nats-server");
  await fetchNatsServerRelease(place(), join(folder, "work"), to);
  expect(versionOf(to)).toBe("9.9.9");
});

test("an archive with another checksum than the published one is refused, and nothing is left", async () => {
  const folder = await tempHome();
  const to = join(folder, "nats-server");
  const wrong = place({ base: `${server.url.origin}/wrong` });
  await expect(fetchNatsServerRelease(wrong, join(folder, "work"), to)).rejects.toThrow(/checksum/);
  expect(existsSync(to)).toBe(false);
});

test("a release that does not exist is named", async () => {
  const folder = await tempHome();
  const missing = place({ version: "0.0.1" });
  await expect(fetchNatsServerRelease(missing, folder, join(folder, "x"))).rejects.toThrow(
    /v0\.0\.1.* answered 404/,
  );
});

test("a release without a checksum for this file is refused", async () => {
  const folder = await tempHome();
  files.set(`/v9.9.9/nats-server-v9.9.9-linux-arm64.tar.gz`, "anything");
  await expect(fetchNatsServerRelease(place({ arch: "arm64" }), folder, join(folder, "x"))).rejects.toThrow(
    /no checksum/,
  );
});

test.each([
  ["linux", "x64", "linux-amd64"],
  ["linux", "arm64", "linux-arm64"],
  ["darwin", "arm64", "darwin-arm64"],
])("%s on %s is %s", (platform, arch, suffix) => {
  const assets = assetsOf({ base: "https://r.example", version: "2.15.1", platform, arch });
  expect(assets).toEqual({
    name: `nats-server-v2.15.1-${suffix}`,
    archiveUrl: `https://r.example/v2.15.1/nats-server-v2.15.1-${suffix}.tar.gz`,
    sumsUrl: "https://r.example/v2.15.1/SHA256SUMS",
  });
});

test.each([
  ["win32", "x64"],
  ["linux", "mips"],
  ["sunos", "x64"],
])("%s on %s has none", (platform, arch) => {
  expect(assetsOf({ base: "https://r.example", version: "2.15.1", platform, arch })).toBeUndefined();
});

test("a sum is found by the whole name only", () => {
  const sum = "ab".repeat(32);
  const sums = `${"1".repeat(64)}  x-${NAME}\n${sum} *${NAME}\nnonsense ${NAME}2\n`;
  expect(findSum(sums, NAME)).toBe(sum);
  expect(findSum(sums, `${NAME}2`)).toBeUndefined();
  expect(findSum("", NAME)).toBeUndefined();
});
