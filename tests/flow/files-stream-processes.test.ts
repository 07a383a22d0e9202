import { afterAll, beforeAll, expect, test } from "bun:test";
import { callWith, signUp } from "../support/api.ts";
import { type ApiProcess, type ApiSite, startApiProcess, startApiSite } from "../support/api-process.ts";
import { fieldPart, filePart, rawForm, rawSocket, uploadHead } from "../support/raw-form.ts";
import { untilTrue } from "../support/running-stack.ts";
import { readSentEvents } from "../support/server-sent.ts";

/** One api process receives a file; somebody watches it at another one. */
let site: ApiSite;
let receiver: ApiProcess;
let other: ApiProcess;
beforeAll(async () => {
  site = await startApiSite();
  receiver = await startApiProcess(site);
  other = await startApiProcess(site);
}, 90_000);
afterAll(async () => {
  await Promise.all([receiver.stop(), other.stop()]);
  await site.stop();
});

const WAIT_MS = 30_000;

test("the bytes that one process receives are told by the other, by its stream and when it is asked", async () => {
  const call = callWith((request) => fetch(request), other.url);
  const { accessToken: token } = await signUp(call, "two@example.org");
  const form = rawForm([fieldPart("operation", "gzip"), filePart("x".repeat(2_000_000))]);
  const socket = await rawSocket(receiver.port);
  await socket.write(uploadHead(token, [`Content-Length: ${form.length}`]));
  await socket.write(form.subarray(0, 500_000));
  const list = async () => {
    const response = await fetch(`${other.url}/api/files`, { headers: { Authorization: `Bearer ${token}` } });
    const { items } = (await response.json()) as { items: readonly { file_id: string; uploaded: number }[] };
    return items;
  };
  await untilTrue(async () => ((await list())[0]?.uploaded ?? 0) > 100_000, WAIT_MS);
  const [file] = await list();

  const stream = await readSentEvents(`${other.url}/api/files/${file?.file_id}/stream`, token);
  await socket.write(form.subarray(500_000, 1_500_000));
  await stream.untilSent("a megabyte", ({ data }) => data.uploaded > 1_000_000, WAIT_MS);
  await socket.write(form.subarray(1_500_000));
  expect(await socket.status).toBe(201);
  await stream.untilSent(
    "the queue",
    ({ data }) => data.status === "queued" && data.size === 2_000_000,
    WAIT_MS,
  );
  stream.close();
}, 90_000);
