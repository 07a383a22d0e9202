import { open, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import type { FileDownload } from "@millrace/client";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments, UsageError } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";
import { Progress } from "./progress.ts";

export const RESULT_OPTIONS = {
  out: { type: "string" },
  content: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** Fetches what was made of a file, or the file itself, checks it on the way, and never leaves half of it behind. */
export const result: Action = async (files, { args, say, complain }) => {
  const { values, positionals: rest } = readArguments(args, RESULT_OPTIONS);
  const [fileId] = positionals(rest, ["<file_id>"]);
  const file = await files.get(fileId);
  const about = values.content ? { name: file.filename, size: file.size ?? 0 } : file.result;
  // A name that came from elsewhere leads nowhere but here.
  const path = values.out ?? basename(about?.name ?? fileId);
  if (path !== "-" && (await Bun.file(path).exists()))
    throw new UsageError(`${JSON.stringify(path)} exists; --out names another place`);
  const download = await (values.content ? files.content(fileId) : files.result(fileId));
  const progress = new Progress();
  const onBytes = (done: number) => progress.bytes("fetching  ", done, about?.size ?? done);
  const sha256 = await save(download, path, onBytes).finally(() => progress.end());
  if (download.sha256 !== null && download.sha256 !== sha256) {
    if (path !== "-") await rm(path, { force: true });
    complain("what arrived is not what was sent: its sha256 is another; try again");
    return EXIT.failed;
  }
  if (path !== "-") say(values.json ? JSON.stringify({ path, sha256 }) : `${path} (sha256 ${sha256})`);
  return EXIT.done;
};

/** Gives the sha256 of what arrived. */
async function save({ body }: FileDownload, path: string, onBytes: (done: number) => void): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  const partPath = `${path}.part`;
  const file = path === "-" ? undefined : await open(partPath, "w");
  let done = 0;
  try {
    for await (const chunk of body) {
      hasher.update(chunk);
      if (file === undefined) await Bun.write(Bun.stdout, chunk);
      else await file.writeFile(chunk);
      done += chunk.byteLength;
      onBytes(done);
    }
    await file?.close();
    if (file !== undefined) await rename(partPath, path);
  } catch (error) {
    await file?.close().catch(() => undefined);
    if (file !== undefined) await rm(partPath, { force: true });
    throw error;
  }
  return hasher.digest("hex");
}
