import type { FileInfo } from "@millrace/client";
import { bar } from "../../files/progress.ts";
import { cuttingFetch } from "../cutting-fetch.ts";
import type { Claim, Part, Stage } from "../part.ts";

const MIB = 1024 * 1024;
const BYTES = 12 * MIB;
const CHUNK_BYTES = 4 * MIB;
/** Of the connections of the upload: its beginning, a chunk, and then one that breaks in the middle. */
const CUTS = new Map([[3, "request"]] as const);
const PROCESSED_MS_MAX = 60_000;
const LINE = "straße, ŉ, Ελλάς, привет, ǆ, naïve, 日本語 and 😀: upper case is more than A to Z\n";
const BROKEN_CSV = 'name,amount\nmill,1\n"race,2\n';

/** A file over a connection that breaks: it goes on where it was, is processed in a thread, and is its owner's alone. */
export const files: Part = {
  name: "files",
  story: `${BYTES / MIB} MB in chunks over a connection that breaks in the second one, put in upper case; somebody else asks for it; and a broken table`,
  async run(stage) {
    const text = LINE.repeat(Math.ceil(BYTES / Buffer.byteLength(LINE)));
    const { file: sent, cuts, resumedAt } = await upload(stage, new Blob([text]));
    const file = await followed(stage, sent.file_id);
    const table = await stage.client.files.upload(
      { file: new Blob([BROKEN_CSV]), filename: `${stage.run}.csv`, operation: "csv-profile" },
      { signal: stage.signal },
    );
    const broken = await followed(stage, table.file_id);
    const claims = [
      goesOn({ file, text, cuts, resumedAt }),
      await isInUpperCase(stage, file, text),
      await isPrivate(stage, file.file_id),
      failsClearly(broken),
    ];
    stage.board.settled("1 file processed, 1 refused by its content");
    const counts = { completed: 1, dead: 1, pending: 0, running: 0, cancelled: 0, retries: cuts };
    return { counts, claims };
  },
};

interface Sent {
  readonly file: FileInfo;
  readonly cuts: number;
  /** Where the server stood after the connection broke. */
  readonly resumedAt: number;
}

async function upload({ clientOver, run, board, signal }: Stage, content: Blob): Promise<Sent> {
  const network = cuttingFetch(CUTS);
  let resumedAt = 0;
  const file = await clientOver(network.fetch).files.uploadResumable(
    { file: content, filename: `${run}.txt`, operation: "uppercase" },
    {
      ...{ signal, chunkBytes: CHUNK_BYTES },
      onProgress: (uploaded, size) => {
        if (network.cuts() > 0 && resumedAt === 0) resumedAt = uploaded;
        board.progress(`uploading  ${bar(uploaded / size)}`);
      },
    },
  );
  return { file, cuts: network.cuts(), resumedAt };
}

async function followed({ client, board, signal }: Stage, fileId: string): Promise<FileInfo> {
  const onSight = ({ status, progress }: FileInfo) =>
    board.progress(`${status.padEnd(10)} ${bar(progress ?? 0)}`);
  return client.files.waitFor(fileId, { timeoutMs: PROCESSED_MS_MAX, onSight, signal });
}

function sha256Of(text: string): string {
  return Bun.CryptoHasher.hash("sha256", text, "hex");
}

function goesOn({ file, text, cuts, resumedAt }: Sent & { readonly text: string }): Claim {
  const isWhole = file.sha256 === sha256Of(text);
  return {
    claim: "the upload goes on where the server stood when the connection broke, and all bytes are there",
    holds: cuts === 1 && resumedAt >= CHUNK_BYTES && resumedAt < 2 * CHUNK_BYTES && isWhole,
    seen: `${cuts} break, on from ${(resumedAt / MIB).toFixed(1)} MB, sha256 ${isWhole ? "as sent" : "another"}`,
  };
}

async function isInUpperCase({ client, signal }: Stage, file: FileInfo, text: string): Promise<Claim> {
  const claim = "the result is the text in upper case, in every script";
  if (file.status !== "completed")
    return { claim, holds: false, seen: `${file.status} ${file.error?.message}` };
  const { body, sha256 } = await client.files.result(file.file_id, { signal });
  const result = await new Response(body).text();
  const isRight = result === text.toUpperCase() && sha256 === sha256Of(result);
  return {
    claim,
    holds: isRight,
    seen: `${result.length} characters, ${isRight ? "all right" : "not all right"}`,
  };
}

async function isPrivate({ newPerson, signal }: Stage, fileId: string): Promise<Claim> {
  const stranger = await newPerson();
  const ways = {
    file: () => stranger.files.get(fileId, { signal }),
    content: () => stranger.files.content(fileId, { signal }),
    result: () => stranger.files.result(fileId, { signal }),
  };
  const seen: string[] = [];
  for (const [name, ask] of Object.entries(ways))
    seen.push(`${name} ${await ask().then(() => "is seen", codeOf)}`);
  const { items } = await stranger.files.list({}, { signal });
  return {
    claim: "for somebody else who signs up it does not exist",
    holds: seen.every((each) => each.endsWith("NOT_FOUND")) && items.length === 0,
    seen: `${seen.join(", ")}, ${items.length} in the list`,
  };
}

function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error) return String(error.code);
  throw error;
}

function failsClearly({ status, attempts, error }: FileInfo): Claim {
  return {
    claim: "the table whose quote is never closed fails, and its error names the line",
    holds: status === "failed" && /line 3/.test(error?.message ?? ""),
    seen: `${status} after ${attempts} attempt: ${error?.message ?? "no error"}`,
  };
}
