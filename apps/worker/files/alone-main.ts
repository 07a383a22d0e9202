import type { AloneNews, AloneOrder } from "./alone-messages.ts";
import { processFile, startFilePool } from "./process-file.ts";

/**
 * The process that runs one file alone: see `run-alone.ts`. It has no connections, no environment and no secrets, and
 * ends with its worker, however that ends.
 */

const OWNER = "alone";

process.on("disconnect", () => process.exit(0));
process.once("message", (order: AloneOrder) => void obey(order));

async function obey({ work, timeoutMs, threadModule }: AloneOrder): Promise<void> {
  await say(await answerTo({ work, timeoutMs, threadModule }));
  process.exit(0);
}

async function answerTo({ work, timeoutMs, threadModule }: AloneOrder): Promise<AloneNews> {
  try {
    const pool = await startFilePool({ threads: 1, threadModule });
    const onProgress = (progress: number): void => void say({ kind: "progress", progress });
    return {
      kind: "outcome",
      outcome: await processFile(pool, work, { owner: OWNER, timeoutMs, onProgress }),
    };
  } catch (error) {
    return { kind: "trouble", message: error instanceof Error ? error.message : String(error) };
  }
}

function say(news: AloneNews): Promise<void> {
  return new Promise((resolve) => process.send?.(news, undefined, undefined, () => resolve()));
}
