import { join } from "node:path";
import type { S3Place } from "@millrace/blobs/s3/s3-place";
import { anyFreePort } from "@millrace/stack/ports";
import { scratch } from "./scratch.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

export interface S3UnderTest {
  /** A part of the bucket that nobody else uses. */
  newPlace(): S3Place;
}

const CREDENTIALS = {
  region: "us-east-1",
  accessKeyId: "tester",
  secretAccessKey: "only-for-tests",
} as const;
const BUCKET = "tests";

let places = 0;
let server: Promise<ServerProcess & { readonly port: number }> | undefined;

/**
 * An S3 server of this run's own, in a process of its own. With S3_TEST_BUCKET_URL (and S3_TEST_ACCESS_KEY_ID,
 * S3_TEST_SECRET_ACCESS_KEY) in the environment, the bucket of a foreign server instead, so that what ours and the
 * client's author got wrong alike comes out.
 */
export async function s3UnderTest(): Promise<S3UnderTest> {
  const foreign = process.env.S3_TEST_BUCKET_URL;
  const bucketUrl = foreign ?? `http://127.0.0.1:${(await ownServer()).port}/${BUCKET}`;
  const credentials =
    foreign === undefined
      ? CREDENTIALS
      : {
          ...CREDENTIALS,
          accessKeyId: process.env.S3_TEST_ACCESS_KEY_ID ?? "",
          secretAccessKey: process.env.S3_TEST_SECRET_ACCESS_KEY ?? "",
        };
  return {
    newPlace: () => {
      places += 1;
      return { bucketUrl, prefix: `run-${crypto.randomUUID().slice(0, 8)}/${places}/`, ...credentials };
    },
  };
}

function ownServer(): Promise<ServerProcess & { readonly port: number }> {
  server ??= startOwnServer();
  return server;
}

async function startOwnServer(): Promise<ServerProcess & { readonly port: number }> {
  const { folder } = await scratch();
  const port = await anyFreePort();
  const { region, accessKeyId, secretAccessKey } = CREDENTIALS;
  const told = { port, folder: folder("s3"), bucket: BUCKET, region, accessKeyId, secretAccessKey };
  const child = await startServer(
    {
      name: "s3-server",
      command: [process.execPath, join(import.meta.dirname, "s3/main.ts"), JSON.stringify(told)],
      cwd: import.meta.dirname,
      env: {},
      stopSignal: "SIGTERM",
      findAlarm: () => undefined,
    },
    async () => (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) !== undefined,
  );
  return Object.assign(Object.create(child), { port });
}
