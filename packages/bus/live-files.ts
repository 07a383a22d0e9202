import { LIVE_FILES_FILTER, type LiveFile, liveFileSubject } from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/** Tells whoever listens how far an upload is. Forgotten if nobody does, or NATS is away. */
export function tellFile(bus: Bus, fileId: string, told: LiveFile): void {
  if (!bus.connection.isClosed()) bus.connection.publish(liveFileSubject(fileId), JSON.stringify(told));
}

/** Hears how far all uploads are; the returned function ends it. What is not ours is dropped. */
export function followFiles(bus: Bus, onFile: (fileId: string, told: LiveFile) => void): () => void {
  const subscription = bus.connection.subscribe(LIVE_FILES_FILTER, {
    callback: (error, message) => {
      if (error !== null) return;
      const fileId = message.subject.slice(message.subject.lastIndexOf(".") + 1);
      const told = decodeLiveFile(message.string());
      if (told !== undefined) onFile(fileId, told);
    },
  });
  return () => subscription.unsubscribe();
}

const STATES = ["uploading", "uploaded", "expired", "deleted"] as const;

function decodeLiveFile(body: string): LiveFile | undefined {
  const told = parsed(body);
  if (typeof told !== "object" || told === null) return undefined;
  const { uploaded, size, state } = told as Readonly<Record<string, unknown>>; // Any object has such names, or not.
  const known = STATES.find((word) => word === state);
  if (known === undefined || typeof uploaded !== "number") return undefined;
  return { v: 1, uploaded, size: typeof size === "number" ? size : null, state: known };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
