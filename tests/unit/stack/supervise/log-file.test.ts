import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LogFile } from "@millrace/stack/supervise/log-file";
import { tempHome } from "../../../support/servers.ts";

const BOUNDS = { bytesMax: 10, keptMax: 2 };

test("a full file becomes the youngest old one, and the oldest goes", async () => {
  const folder = await tempHome();
  const path = join(folder, "api.log");
  const log = new LogFile(path, BOUNDS);
  for (const text of ["first-----", "second----", "third-----", "fourth----", "fifth"]) log.write(text);
  log.close();
  expect(readdirSync(folder).sort()).toEqual(["api.log", "api.log.1", "api.log.2"]);
  expect(readFileSync(path, "utf8")).toBe("fifth");
  expect(readFileSync(`${path}.1`, "utf8")).toBe("fourth----");
  expect(readFileSync(`${path}.2`, "utf8")).toBe("third-----");
});

test("a second run appends to what the first one wrote, and counts it", async () => {
  const path = join(await tempHome(), "api.log");
  const first = new LogFile(path, BOUNDS);
  first.write("0123456789");
  first.close();
  const second = new LogFile(path, BOUNDS);
  second.write("new");
  second.close();
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(readFileSync(`${path}.1`, "utf8")).toBe("0123456789");
});

test("nobody else may read it", async () => {
  const path = join(await tempHome(), "api.log");
  new LogFile(path).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("writing never throws, even when the file is gone", async () => {
  const log = new LogFile(join(await tempHome(), "api.log"));
  log.close();
  expect(() => log.write("late")).not.toThrow();
});
