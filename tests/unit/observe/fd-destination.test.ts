import { expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";

const script = (body: string) => `
  import { createLog } from "@millrace/observe";
  const log = createLog({ service: "x", level: "INFO", format: "json" });
  ${body}
`;

/** A process of its own, since what is tested happens to its standard output. */
function run(body: string) {
  return Bun.spawn([process.execPath, "-e", script(body)], {
    cwd: import.meta.dir,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function firstText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}

/** A pipe that nobody reads until somebody opens it: `Bun.spawn` would begin to read a pipe of its own at once. */
function unreadPipe(): { readonly path: string; readonly fd: number } {
  const path = `${mkdtempSync(`${tmpdir()}/millrace-log-`)}/pipe`;
  Bun.spawnSync(["mkfifo", path]);
  return { path, fd: openSync(path, constants.O_RDWR) };
}

test("a reader who does not read stops nobody, and learns how much was lost", async () => {
  const pipe = unreadPipe();
  const body = `
    const padding = "y".repeat(1000);
    for (let i = 0; i < 20_000; i += 1) log.info("line", { i, padding });
    process.stderr.write("went on");
    for await (const _ of process.stdin) break; // The reader begins now.
    log.info("last");
  `;
  const child = Bun.spawn([process.execPath, "-e", script(body)], {
    cwd: import.meta.dir,
    stdin: "pipe",
    stdout: pipe.fd,
    stderr: "pipe",
  });
  expect(await firstText(child.stderr)).toBe("went on");
  const reader = Bun.spawn(["cat", pipe.path], { stdout: "pipe" });
  closeSync(pipe.fd);
  child.stdin.write("go\n");
  await child.stdin.end();
  const lines = (await new Response(reader.stdout).text()).trimEnd().split("\n");
  rmSync(dirname(pipe.path), { recursive: true });
  const records = lines.map((line) => JSON.parse(line));
  const written = records.filter((record) => record.message === "line");
  const dropped = records.reduce((sum, record) => sum + (record.dropped ?? 0), 0);
  expect(written.map((record) => record.i)).toEqual(written.map((_, index) => index));
  expect(dropped).toBeGreaterThan(0);
  const isLastWritten = records.some((record) => record.message === "last");
  // The last line either found room, or is counted among the dropped.
  expect(written.length + dropped + (isLastWritten ? 1 : 0)).toBe(20_001);
});

test("a reader who goes away ends the log, not the process", async () => {
  const child = run(`
    for await (const _ of process.stdin) break; // The reader has gone.
    for (let i = 0; i < 100; i += 1) log.info("into the void");
    process.stderr.write("still here");
  `);
  await child.stdout.cancel();
  child.stdin.write("go\\n");
  await child.stdin.end();
  expect(await new Response(child.stderr).text()).toBe("still here");
  expect(await child.exited).toBe(0);
});

test("lines written right before process.exit arrive", async () => {
  const child = run(
    `for (let i = 0; i < 2_000; i += 1) log.info("line", { i, padding: "y".repeat(500) }); process.exit(3);`,
  );
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(3);
  expect(text.trimEnd().split("\n").length).toBe(2_000);
});
