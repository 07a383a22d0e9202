import type { S3Requests } from "./requests.ts";

export interface SmallObject {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/** In one request, which S3 takes whole or not at all. */
export async function putObject(requests: S3Requests, { name, bytes, signal }: SmallObject): Promise<void> {
  await requests.send({ method: "PUT", name, body: bytes, expects: [200], signal });
}
