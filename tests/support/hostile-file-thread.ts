import { existsSync, readSync } from "node:fs";
import { threadMain } from "@millrace/pool/thread";
import { type FileJob, type FileResult, runFile } from "@millrace/worker/files/run-file";

/**
 * The thread's module of the product, which first obeys what the file's first line asks for, if it is one of these. So
 * that tests have operations that misbehave, and the product has none.
 *
 * - `!loop`: computes for ever, and never looks up
 * - `!exit`: ends the thread
 * - `!kill`: ends the process, as the kernel does when memory runs out
 * - `!wait <path>`: reports progress until that path exists, then goes on
 */
export default threadMain<FileJob, FileResult>(async (job, context) => {
  const [order = "", argument = ""] = firstLine(job.inputFd).split(" ");
  switch (order) {
    case "!loop":
      for (let n = 0; ; n += 1) if (n < 0) break;
      break;
    case "!exit":
      process.exit(3);
      break;
    case "!kill":
      process.kill(process.pid, "SIGKILL");
      break;
    case "!wait":
      while (!existsSync(argument)) {
        context.report(0.5);
        await Bun.sleep(5);
      }
      break;
  }
  return await runFile(job, context);
});

function firstLine(fd: number): string {
  const bytes = Buffer.alloc(512);
  const text = bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, 0));
  return text.startsWith("!") ? (text.split("\n", 1)[0] ?? "") : "";
}
