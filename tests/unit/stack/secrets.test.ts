import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "@millrace/config";
import { keepSecrets } from "@millrace/stack/secrets";
import { tempHome } from "../../support/servers.ts";

test("they are drawn once and stay", async () => {
  const path = join(await tempHome(), "secrets.json");
  const first = keepSecrets(path);
  expect(keepSecrets(path)).toEqual(first);
});

test("two homes share none", async () => {
  const [one, two] = [keepSecrets(join(await tempHome(), "s")), keepSecrets(join(await tempHome(), "s"))];
  const shared = Object.entries(one).filter(([name, value]) =>
    Object.entries(two).some(([n, v]) => n === name && v === value),
  );
  expect(shared.map(([name]) => name)).toEqual(["adminEmail"]);
});

test("nobody else may read them, whatever the umask says", async () => {
  const path = join(await tempHome(), "secrets.json");
  const before = process.umask(0);
  keepSecrets(path);
  process.umask(before);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("one that is missing is added, and the others stay", async () => {
  const path = join(await tempHome(), "secrets.json");
  const { natsPassword, ...rest } = keepSecrets(path);
  writeFileSync(path, JSON.stringify(rest));
  const again = keepSecrets(path);
  expect(again).toMatchObject(rest);
  expect(again.natsPassword).not.toBe(natsPassword);
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(again);
});

test.each(["", "{", "[]", "7", '{"jwtSecret": 7}', '{"jwtSecret": ""}'])(
  "%p is refused, not overwritten",
  async (text) => {
    const path = join(await tempHome(), "secrets.json");
    writeFileSync(path, text);
    expect(() => keepSecrets(path)).toThrow(path);
    expect(readFileSync(path, "utf8")).toBe(text);
  },
);

test("they satisfy the services' own rules", async () => {
  const secrets = keepSecrets(join(await tempHome(), "secrets.json"));
  const reading = readConfig({
    JWT_SECRET: secrets.jwtSecret,
    ADMIN_EMAIL: secrets.adminEmail,
    ADMIN_PASSWORD: secrets.adminPassword,
    ADMIN_API_KEY: secrets.adminApiKey,
  });
  expect(reading.ok).toBe(true);
});
