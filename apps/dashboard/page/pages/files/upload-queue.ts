import { signal } from "@preact/signals";
import type { Upload } from "tus-js-client";
import { accessToken } from "../../wire/session.ts";

export interface Sending {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  readonly state: "waiting" | "sending" | "held" | "done" | "failed";
  readonly problem: string | null;
}

/** Uploads of this page, newest first. They go on while other pages are looked at. */
export const sendings = signal<readonly Sending[]>([]);

const listeners = new Set<() => void>();
const uploads = new Map<number, Upload>();
let lastId = 0;

/** Told when a file has arrived. The returned function ends it. */
export function onUploaded(handle: () => void): () => void {
  listeners.add(handle);
  return () => listeners.delete(handle);
}

/** The others wait: more at once would only make each slower. */
const AT_ONCE_MAX = 3;
const RETRY_DELAYS_MS = [0, 500, 1_500, 4_000, 10_000, 20_000];
/** Small enough for a bar that moves, large enough not to be slower than one request. */
const CHUNK_BYTES = 8 * 1024 * 1024;

export async function send(file: File, operation: string): Promise<void> {
  lastId += 1;
  const id = lastId;
  const { name, size } = file;
  sendings.value = [{ id, name, size, sent: 0, state: "waiting", problem: null }, ...sendings.value];
  const { Upload: TusUpload } = await import("tus-js-client");
  const upload = new TusUpload(file, {
    endpoint: "/api/uploads",
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_DELAYS_MS,
    removeFingerprintOnSuccess: true,
    metadata: { filename: name, filetype: file.type, operation },
    onBeforeRequest: async (request) => {
      request.setHeader("Authorization", `Bearer ${await accessToken()}`);
    },
    onProgress: (sent) => change(id, { sent }),
    onError: (error) => {
      change(id, { state: "failed", problem: problemOf(error) });
      startNext();
    },
    onSuccess: () => {
      change(id, { state: "done", sent: size });
      uploads.delete(id);
      startNext();
      for (const handle of listeners) handle();
    },
  });
  const [former] = await upload.findPreviousUploads();
  if (former !== undefined) upload.resumeFromPreviousUpload(former);
  uploads.set(id, upload);
  startNext();
}

/** The one that has waited longest, if there is room. */
function startNext(): void {
  const busy = sendings.value.filter(({ state }) => state === "sending").length;
  const next = sendings.value.findLast(({ id, state }) => state === "waiting" && uploads.has(id));
  if (busy >= AT_ONCE_MAX || next === undefined) return;
  change(next.id, { state: "sending", problem: null });
  uploads.get(next.id)?.start();
  startNext();
}

/** Stops sending; what has arrived is kept, and `resume` goes on from there. */
export async function hold(id: number): Promise<void> {
  await uploads.get(id)?.abort();
  change(id, { state: "held" });
  startNext();
}

export function resume(id: number): void {
  change(id, { state: "waiting", problem: null });
  startNext();
}

export async function giveUp(id: number): Promise<void> {
  const upload = uploads.get(id);
  uploads.delete(id);
  sendings.value = sendings.value.filter((sending) => sending.id !== id);
  startNext();
  await upload?.abort(true).catch(() => {}); // What is left behind expires.
}

function change(id: number, what: Partial<Sending>): void {
  sendings.value = sendings.value.map((sending) => (sending.id === id ? { ...sending, ...what } : sending));
}

/** The API's own words, when it refused. */
function problemOf(error: Error): string {
  const body = "originalResponse" in error ? bodyOf(error.originalResponse) : undefined;
  try {
    const problem: unknown = JSON.parse(body ?? "");
    if (typeof problem === "object" && problem !== null && "detail" in problem) return String(problem.detail);
  } catch {
    // It was no problem of the API's: the library's words must do.
  }
  return error.message;
}

function bodyOf(response: unknown): string | undefined {
  if (typeof response !== "object" || response === null || !("getBody" in response)) return undefined;
  return typeof response.getBody === "function" ? String(response.getBody()) : undefined;
}
