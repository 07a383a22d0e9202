import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { scratch } from "../../../support/scratch.ts";

const PROCESS_FILE = join(import.meta.dirname, "../../../../apps/worker/files/process-file.ts");

test("a result for which the disk has no room is STORAGE_FULL, to be tried again, and leaves nothing", async () => {
  const folder = (await scratch()).folder("full");
  const work = {
    ...{ operation: "uppercase", options: {} },
    ...{ inputPath: join(folder, "input"), outputPath: join(folder, "output") },
  };
  await Bun.write(work.inputPath, "three MiB of text\n".repeat(180_000));
  const code = `const { processFile, startFilePool } = await import(${JSON.stringify(PROCESS_FILE)});
    const pool = await startFilePool({ threads: 1 });
    const outcome = await processFile(pool, ${JSON.stringify(work)}, { owner: "ann", timeoutMs: 30000 });
    await new Promise((resolve) => process.stdout.write(JSON.stringify(outcome), resolve));
    process.exit(0);`;
  // ulimit counts blocks of 512 bytes in some shells and of 1024 in others: 1 or 2 MiB.
  const limited = ["sh", "-c", 'ulimit -f 2048 && exec "$@"', "sh"];
  const child = Bun.spawn([...limited, process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit" });
  expect(JSON.parse(await new Response(child.stdout).text())).toMatchObject({
    ...{ kind: "failed", isRetryable: true },
    error: { code: "STORAGE_FULL" },
  });
  expect(existsSync(work.outputPath)).toBe(false);
}, 30_000);
