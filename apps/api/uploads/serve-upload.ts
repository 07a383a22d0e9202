import { Fault, type Identity } from "@millrace/core";
import { FILE_BYTES_MAX } from "@millrace/core/limits";
import { type Lock, Server } from "@tus/server";
import { scopeOf } from "../http/request-scope.ts";
import type { Ports } from "../ports.ts";
import { faultOfLibrary, faultOfStatus, tusAnswer, tusOptions, tusProblem } from "./tus-answer.ts";
import { allowedMethods, readTusRequest, type TusRequest, UPLOADS_PATH } from "./tus-request.ts";
import { TUS_EXTENSIONS, UploadVisit } from "./upload-visit.ts";

export interface Arrival {
  readonly request: Request;
  readonly identity: Identity;
  readonly correlationId: string;
  /** Undefined when the request creates an upload. */
  readonly fileId: string | undefined;
}

const FILE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** One request of the tus protocol, whatever its verb. Never throws. */
export async function serveUpload(ports: Ports, arrival: Arrival): Promise<Response> {
  const { request, correlationId, fileId } = arrival;
  try {
    const tus = readTusRequest(request, fileId);
    if (tus.method === "OPTIONS") return describeUploads(fileId);
    if (fileId !== undefined && !FILE_ID.test(fileId)) throw new Fault("NOT_FOUND", "no such upload");
    if (!tus.bringsBytes) return await visit(ports, arrival, tus);
    const giveBack = takeSlot(ports, arrival.identity);
    try {
      return await visit(ports, arrival, tus);
    } finally {
      giveBack();
    }
  } catch (error) {
    const fault = faultOfLibrary(error);
    scopeOf(request).failure = fault;
    ports.fileMetrics.refused("tus", fault.code);
    const response = tusProblem(fault, correlationId);
    if (fault.code === "METHOD_NOT_ALLOWED") response.headers.set("Allow", allowedMethods(fileId).join(", "));
    return response;
  }
}

export function describeUploads(fileId: string | undefined): Response {
  return tusOptions(TUS_EXTENSIONS, allowedMethods(fileId));
}

/** Clients of tus repeat after a 503 and give up after a 429, and one of their own uploads is about to end. */
function takeSlot({ uploadSlots }: Ports, { userId }: Identity): () => void {
  try {
    return uploadSlots.take(userId);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "TOO_MANY_REQUESTS") throw error;
    throw new Fault("OVERLOADED", error.message, { retryAfterS: error.retryAfterS ?? 1 });
  }
}

/**
 * A server of the library for each request (2.5 µs): so its store knows the request, and no request can meet what
 * another one left behind.
 */
async function visit(ports: Ports, arrival: Arrival, tus: TusRequest): Promise<Response> {
  const { identity, correlationId, request } = arrival;
  const { checksum } = tus;
  const body = tus.bringsBytes ? request.body : null;
  const metadata = request.headers.get("upload-metadata");
  const traceContext = scopeOf(request).span?.context;
  const store = new UploadVisit(ports, {
    ...{ identity, correlationId, traceContext },
    ...{ body, checksum, metadata },
  });
  const thrown: unknown[] = [];
  const server = new Server({
    path: UPLOADS_PATH,
    // A path alone is right behind every proxy, whatever it calls itself.
    relativeLocation: true,
    datastore: store,
    maxSize: FILE_BYTES_MAX,
    namingFunction: () => Bun.randomUUIDv7(),
    locker: { newLock: (fileId) => lockFor(ports, store, fileId) },
    onIncomingRequest: async (_request, fileId) => {
      if (arrival.fileId !== undefined) await store.requireOwn(fileId);
    },
    onResponseError: (_request, error) => {
      thrown.push(error);
      return undefined;
    },
  });
  const response = await server.handleWeb(tus.bodyless);
  if (thrown.length > 0) throw thrown[0];
  if (response.status >= 400) throw faultOfStatus(response.status, await response.text());
  const answer = tusAnswer(response, store.expiresAt);
  // "The server MUST respond with the Upload-Metadata as provided": the library writes down what it has understood.
  if (tus.method === "HEAD" && store.givenMetadata !== null)
    answer.headers.set("Upload-Metadata", store.givenMetadata);
  return answer;
}

function lockFor({ uploadLocks }: Ports, store: UploadVisit, fileId: string): Lock {
  let release: (() => void) | undefined;
  return {
    lock: async () => {
      release = await uploadLocks.acquire(fileId, store);
    },
    unlock: async () => release?.(),
  };
}
