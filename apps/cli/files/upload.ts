import { basename } from "node:path";
import type { Client, FileInfo } from "@millrace/client";
import type { Json } from "@millrace/core";
import type { CommandInput } from "../command.ts";
import { EXIT } from "../shell/exit-status.ts";
import { numberOption, positionals, readArguments, UsageError } from "../shell/read-arguments.ts";
import type { Action } from "./action.ts";
import { Progress } from "./progress.ts";
import { showFile } from "./show-file.ts";

/** From here on a file is sent in chunks: a broken connection then costs one of them. */
const RESUMABLE_BYTES_MIN = 8 * 1024 * 1024;
const WAIT_S_DEFAULT = 600;

export const UPLOAD_OPTIONS = {
  name: { type: "string" },
  options: { type: "string" },
  resume: { type: "string" },
  wait: { type: "boolean", default: false },
  "wait-seconds": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const upload: Action = async (files, input) => {
  const { values, positionals: rest } = readArguments(input.args, UPLOAD_OPTIONS);
  const [path, operation] = positionals(rest, ["<path>", "<operation>"]);
  const waitS = numberOption("wait-seconds", values["wait-seconds"]) ?? WAIT_S_DEFAULT;
  const file = Bun.file(path);
  if (!(await file.exists())) throw new UsageError(`there is no file ${JSON.stringify(path)}`);
  const options = optionsOf(values.options);
  const wish = { file, filename: values.name ?? basename(path), operation, ...(options && { options }) };
  const progress = new Progress();
  let shown: FileInfo;
  try {
    shown = await send(files, { wish, resume: values.resume, progress, complain: input.complain });
    if (values.wait) {
      const onSight = (seen: FileInfo) => progress.processing(seen);
      shown = await files.waitFor(shown.file_id, { timeoutMs: waitS * 1_000, onSight });
    }
  } finally {
    progress.end();
  }
  input.say(values.json ? JSON.stringify(shown) : showFile(shown));
  return shown.status === "failed" ? EXIT.failed : EXIT.done;
};

interface Sending {
  readonly wish: Parameters<Client["files"]["uploadResumable"]>[0];
  readonly resume: string | undefined;
  readonly progress: Progress;
  readonly complain: CommandInput["complain"];
}

async function send(
  files: Client["files"],
  { wish, resume, progress, complain }: Sending,
): Promise<FileInfo> {
  if (resume === undefined && wish.file.size < RESUMABLE_BYTES_MIN) return files.upload(wish);
  let fileId = resume;
  try {
    return await files.uploadResumable(wish, {
      ...(resume !== undefined && { fileId: resume }),
      onBegun: (begun) => {
        fileId = begun;
      },
      onProgress: (uploaded, size) => progress.bytes("uploading ", uploaded, size),
    });
  } catch (error) {
    progress.end();
    if (fileId !== undefined) complain(`the upload goes on from where it is with --resume ${fileId}`);
    throw error;
  }
}

function optionsOf(text: string | undefined): { readonly [name: string]: Json } | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  } catch {
    // Said below.
  }
  throw new UsageError('--options must be a JSON object, such as {"level":9}');
}
