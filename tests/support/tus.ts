import { serve } from "@millrace/api/serve";
import type { Blobs } from "@millrace/blobs";
import { Upload, type UploadOptions } from "tus-js-client";
import { type ApiOptions, callWith, signUp, startApi } from "./api.ts";

export const TUS = { "Tus-Resumable": "1.0.0" } as const;
export const BYTES = "application/offset+octet-stream";

export function metadata(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${Buffer.from(value).toString("base64")}`)
    .join(",");
}

/** Of a file to be counted. */
export const COUNTED = metadata({ filename: "words.txt", filetype: "text/plain", operation: "text-stats" });

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

export type TusCall = (
  method: string,
  path: string,
  request?: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Body;
    readonly token?: string | null;
  },
) => Promise<Response>;

/** Requests of the protocol to one api: with its version, and the token of the user unless another is named. */
export interface TusCaller {
  readonly url: string;
  readonly tus: TusCall;
  readonly token: string;
  /** Begins an upload, and answers with its path. */
  begin(length: number | null, more?: Readonly<Record<string, string>>): Promise<string>;
  /** Sends bytes from an offset on. */
  send(path: string, offset: number, body: Body, more?: Readonly<Record<string, string>>): Promise<Response>;
}

export interface TusApi extends Awaited<ReturnType<typeof startApi>>, TusCaller {
  readonly port: number;
  readonly strangerToken: string;
  /** Tasks of files so far. */
  tasks(): Promise<
    readonly { readonly task_id: string; readonly payload: Readonly<Record<string, unknown>> }[]
  >;
  stop(): Promise<void>;
}

export function tusCaller(url: string, token: string): TusCaller {
  const tus: TusCall = (method, path, request = {}) => {
    const identity = request.token === undefined ? token : request.token;
    return fetch(new URL(path, url), {
      method,
      headers: {
        ...TUS,
        ...(identity !== null && { Authorization: `Bearer ${identity}` }),
        ...request.headers,
      },
      ...(request.body !== undefined && { body: request.body }),
    });
  };
  return {
    url,
    tus,
    token,
    begin: async (length, more = {}) => {
      const size: Record<string, string> =
        length === null ? { "Upload-Defer-Length": "1" } : { "Upload-Length": String(length) };
      const headers = { ...size, "Upload-Metadata": COUNTED, ...more };
      const response = await tus("POST", "/api/uploads", { headers });
      if (response.status !== 201) throw new Error(`not begun: ${response.status} ${await response.text()}`);
      return response.headers.get("Location") ?? "";
    },
    send: (path, offset, body, more = {}) =>
      tus("PATCH", path, {
        headers: { "Content-Type": BYTES, "Upload-Offset": String(offset), ...more },
        body,
      }),
  };
}

/** The API on a port of its own, since the bytes must come through a real socket. */
export async function startTusApi(blobs: Blobs, options: ApiOptions = {}): Promise<TusApi> {
  const api = await startApi({ blobs, ...options });
  const listening = serve(api.app, { host: "127.0.0.1", port: 0 });
  const call = callWith((request) => api.app.handle(request));
  const { accessToken: token } = await signUp(call, "user@example.org");
  const { accessToken: strangerToken } = await signUp(call, "stranger@example.org");
  return {
    ...api,
    ...tusCaller(listening.url, token),
    port: listening.port,
    strangerToken,
    tasks: () => api.sql`select task_id, payload from tasks where task_type = 'file.process' order by seq`,
    stop: async () => {
      await listening.stop();
      await api.close();
    },
  };
}

export function idOf(path: string): string {
  return path.split("/").at(-1) ?? "";
}

export interface TusProblem {
  readonly code: string;
  readonly errors?: readonly { readonly path: string }[];
}

export async function problemOf(response: Response): Promise<TusProblem> {
  return (await response.json()) as TusProblem; // A test that gets something else fails on it.
}

export interface ClientUpload {
  /** Resolves when the client says that it is done; rejects when it gives up. */
  readonly done: Promise<void>;
  /** The upload's URL, once it has one. */
  readonly url: () => string | null;
  /** Stops; `true` also tells the server that the upload is given up. */
  readonly abort: (shouldTerminate: boolean) => Promise<void>;
}

/** An upload by `tus-js-client`, patient enough for any number of broken connections. */
export function uploadWithClient(
  file: Buffer,
  options: Partial<UploadOptions> & { readonly endpoint: string },
): ClientUpload {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  const upload = new Upload(file, {
    chunkSize: 5 * 1024 * 1024,
    retryDelays: Array.from({ length: 100 }, () => 100),
    metadata: { filename: "big.bin", operation: "checksum" },
    onSuccess: () => resolve(),
    onError: reject,
    ...options,
  });
  upload.start();
  return { done, url: () => upload.url, abort: (shouldTerminate) => upload.abort(shouldTerminate) };
}
