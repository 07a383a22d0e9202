import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDashboard } from "@millrace/api/dashboard/page-files";
import { scratch } from "../../../support/scratch.ts";

async function built() {
  const folder = (await scratch()).folder("dashboard");
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<!doctype html>");
  writeFileSync(join(folder, "assets/main-1.js"), "plain");
  writeFileSync(join(folder, "assets/main-1.js.br"), "brotli");
  writeFileSync(join(folder, "assets/main-1.js.gz"), "gzip");
  return openDashboard(folder);
}

const asking = (encoding: string) =>
  new Request("http://localhost/", { headers: { "Accept-Encoding": encoding } });

test.each([
  ["br, gzip", "brotli", "br"],
  ["gzip", "gzip", "gzip"],
  ["br;q=0, gzip", "gzip", "gzip"],
  ["identity", "plain", null],
  ["", "plain", null],
])("who accepts %p gets %p", async (accepted, text, encoding) => {
  const response = (await built()).asset("main-1.js", asking(accepted));
  expect(await response?.text()).toBe(text);
  expect(response?.headers.get("Content-Encoding")).toBe(encoding);
  expect(response?.headers.get("Vary")).toBe("Accept-Encoding");
});

test("what is not an asset, packed forms among it, is not there", async () => {
  const dashboard = await built();
  for (const name of ["none.js", "main-1.js.br", "../index.html", "index.html"])
    expect(dashboard.asset(name, asking(""))).toBeNull();
});

test("a folder without a page is refused when the process starts", async () => {
  const folder = (await scratch()).folder("empty");
  expect(() => openDashboard(folder)).toThrow();
});
