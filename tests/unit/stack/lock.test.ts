import { expect, test } from "bun:test";
import { join } from "node:path";
import { tryLock, waitForLock } from "@millrace/stack/lock";
import { tempHome } from "../../support/servers.ts";

const LOCK_SOURCE = require.resolve("@millrace/stack/lock");

/** Another process that holds the lock until it is killed. */
async function holdElsewhere(path: string) {
  const script = `import { tryLock } from ${JSON.stringify(LOCK_SOURCE)};
    const lock = tryLock(${JSON.stringify(path)});
    process.stdout.write(lock ? "held" : "busy");
    setInterval(() => lock, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stdin: "ignore" });
  const { value } = await child.stdout.getReader().read();
  return { child, said: new TextDecoder().decode(value) };
}

test("what another process holds is refused, and free again after kill -9", async () => {
  const path = join(await tempHome(), "lock");
  const { child, said } = await holdElsewhere(path);
  expect(said).toBe("held");
  expect(tryLock(path)).toBeUndefined();
  child.kill("SIGKILL");
  await child.exited;
  const lock = tryLock(path);
  expect(lock).toBeDefined();
  lock?.release();
});

test("the same process cannot take it twice, until it lets go", async () => {
  const path = join(await tempHome(), "lock");
  const first = tryLock(path);
  expect(tryLock(path)).toBeUndefined();
  first?.release();
  const second = tryLock(path);
  expect(second).toBeDefined();
  second?.release();
});

test("waiting ends when the holder lets go, and was announced once", async () => {
  const path = join(await tempHome(), "lock");
  const first = tryLock(path);
  let announced = 0;
  const waiting = waitForLock(path, {
    waitMsMax: 10_000,
    onWait: () => {
      announced += 1;
      first?.release();
    },
  });
  (await waiting).release();
  expect(announced).toBe(1);
});

test("waiting has an end", async () => {
  const path = join(await tempHome(), "lock");
  const first = tryLock(path);
  await expect(waitForLock(path, { waitMsMax: 1, onWait: () => {} })).rejects.toThrow(/another process/);
  first?.release();
});

test("a folder that does not exist is an error, not a busy lock", async () => {
  const path = join(await tempHome(), "missing", "lock");
  expect(() => tryLock(path)).toThrow();
});
