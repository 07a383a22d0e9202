/**
 * Uploads of 100 MB into the api as it is deployed, beside a bare server that writes the same bytes in the same
 * requests. All of them take turns, round after round, so that what else the machine does meets each alike; the ratio is
 * the median of the rounds' ratios. The client speaks tus itself, by Bun's `fetch`, on the same cores; what a
 * library for it costs is no part of this.
 */
import { callWith, signUp } from "../support/api.ts";
import { startApiProcess, startApiSite } from "../support/api-process.ts";
import { metadata, tusCaller } from "../support/tus.ts";
import { startBareServer } from "./bare.ts";
import { benchUppercase } from "./files.ts";

const MIB = 1024 * 1024;
const SIZE = 100 * MIB;
const CHUNK = 8 * MIB;
const ROUNDS = 15;
const LINE = "The quick brown fox jumps over the lazy dog, 12345 times!\n";

/** Once; gives what to do when it has been timed. */
type Way = () => Promise<Tidy | undefined>;
type Tidy = () => Promise<void>;

export async function benchUploads(say: (line: string) => void): Promise<void> {
  await benchSending(say);
  await benchUppercase(say);
}

async function benchSending(say: (line: string) => void): Promise<void> {
  const site = await startApiSite();
  const api = await startApiProcess(site, { LOG_LEVEL: "WARNING" });
  const bare = await startBareServer();
  try {
    const { accessToken } = await signUp(
      callWith((request) => fetch(request), api.url),
      "bench@example.org",
    );
    const bytes = Buffer.alloc(SIZE, LINE);
    const form = await formOf(bytes);
    const ways = {
      tus: () => sendByTus(api.url, accessToken, bytes),
      "tus, plain": () => inChunks(bytes, (chunk) => put(`${bare.url}/plain`, chunk)),
      "tus, durable": () => inChunks(bytes, (chunk) => put(`${bare.url}/durable`, chunk)),
      form: () => sendForm(api.url, accessToken, form),
      "form, plain": () => put(`${bare.url}/plain`, bytes),
      "form, durable": () => put(`${bare.url}/durable`, bytes),
    };
    const times = await inTurns(ways, () => put(`${bare.url}/nothing`, bytes));
    report(say, "tus, chunks of 8 MiB", [times.tus, times["tus, plain"], times["tus, durable"]]);
    report(say, "one request, a form ", [times.form, times["form, plain"], times["form, durable"]]);
  } finally {
    bare.stop();
    await api.stop();
    await site.stop();
  }
}

/**
 * Each of them once per round; the first round only warms up. `before` comes untimed before each, so that all find the
 * client alike: the memory for a body of 100 MB costs whoever needs it first 50 ms.
 */
async function inTurns<Name extends string>(
  ways: Readonly<Record<Name, Way>>,
  before: () => Promise<unknown>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(ways) as Name[]; // It has no other keys.
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round <= ROUNDS; round += 1)
    for (const name of names) {
      await before();
      const startedMs = performance.now();
      const tidy = await ways[name]();
      if (round > 0) times[name].push(performance.now() - startedMs);
      await tidy?.();
    }
  return times;
}

type Times = readonly number[];

function report(
  say: (line: string) => void,
  what: string,
  [ours, plain, durable]: readonly [Times, Times, Times],
): void {
  const against = (other: Times) =>
    median(ours.map((ms, round) => (other[round] ?? Number.NaN) / ms)).toFixed(2);
  say(`${what}: ${rate(ours)}`);
  say(`  bare Bun.write(path, new Response(body)): ${rate(plain)}; ratio ${against(plain)}`);
  say(`  bare, synced and hashed:                  ${rate(durable)}; ratio ${against(durable)}`);
}

function median(values: Times): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rate(times: Times): string {
  return `${Math.round(SIZE / 1_000 / median(times))} MB/s`;
}

async function inChunks(
  bytes: Uint8Array<ArrayBuffer>,
  send: (chunk: Uint8Array<ArrayBuffer>, offset: number) => Promise<void>,
): Promise<undefined> {
  for (let at = 0; at < bytes.length; at += CHUNK) await send(bytes.subarray(at, at + CHUNK), at);
}

async function put(url: string, body: Uint8Array<ArrayBuffer>): Promise<undefined> {
  await expectDone(await fetch(url, { method: "PUT", body }));
}

async function sendByTus(url: string, token: string, bytes: Uint8Array<ArrayBuffer>): Promise<Tidy> {
  const { begin, send, tus } = tusCaller(url, token);
  const about = metadata({ filename: "bench.txt", operation: "checksum" });
  const path = await begin(bytes.length, { "Upload-Metadata": about });
  await inChunks(bytes, async (chunk, offset) => expectDone(await send(path, offset, chunk)));
  return async () => expectDone(await tus("DELETE", path));
}

interface Form {
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Made once: that a client makes it is no part of this. */
async function formOf(bytes: Uint8Array<ArrayBuffer>): Promise<Form> {
  const form = new FormData();
  form.append("operation", "checksum");
  form.append("file", new Blob([bytes]), "bench.txt");
  const made = new Response(form);
  return { type: made.headers.get("Content-Type") ?? "", body: new Uint8Array(await made.arrayBuffer()) };
}

async function sendForm(url: string, token: string, { type, body }: Form): Promise<Tidy> {
  const identity = { Authorization: `Bearer ${token}` };
  const headers = { ...identity, "Content-Type": type };
  const response = await fetch(`${url}/api/files`, { method: "POST", headers, body });
  const { file_id } = (await response.json()) as { readonly file_id: string };
  return async () =>
    expectDone(await fetch(`${url}/api/files/${file_id}`, { method: "DELETE", headers: identity }));
}

async function expectDone(response: Response): Promise<void> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status} ${text}`);
}
