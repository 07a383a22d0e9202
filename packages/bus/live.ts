import { CANCEL_SUBJECT, type LiveTask, liveTaskSubject } from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/** Told to whoever watches now, and forgotten. Costs the server next to nothing while nobody does. */
export function tellLive(bus: Bus, seq: number, live: LiveTask): void {
  if (!bus.connection.isClosed()) bus.connection.publish(liveTaskSubject(seq), JSON.stringify(live));
}

/** Follows one task; the returned function ends it. */
export function followLive(bus: Bus, seq: number, onLive: (live: LiveTask) => void): () => void {
  const subscription = bus.connection.subscribe(liveTaskSubject(seq), {
    callback: (error, message) => {
      if (error === null) onLive(message.json<LiveTask>());
    },
  });
  return () => subscription.unsubscribe();
}

export interface CancelNotice {
  readonly seq: number;
  readonly attempt: number;
  readonly session: string;
}

/** Tells the worker that its attempt was cancelled, so that it stops early; the database refuses its outcome anyway. */
export function tellCancelled(bus: Bus, notice: CancelNotice): void {
  if (!bus.connection.isClosed()) bus.connection.publish(CANCEL_SUBJECT, JSON.stringify(notice));
}

export function onCancelled(bus: Bus, handle: (notice: CancelNotice) => void): () => void {
  const subscription = bus.connection.subscribe(CANCEL_SUBJECT, {
    callback: (error, message) => {
      if (error === null) handle(message.json<CancelNotice>());
    },
  });
  return () => subscription.unsubscribe();
}
