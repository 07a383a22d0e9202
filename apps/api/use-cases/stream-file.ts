import { Fault, type Identity } from "@millrace/core";
import type { LiveFile } from "@millrace/protocol";
import type { FileRecord } from "@millrace/store";
import { markOf } from "../files/stream-mark.ts";
import { type FileView, viewFile } from "../files/view-file.ts";
import { type EventStream, eventStream } from "../live/event-stream.ts";
import type { Ports } from "../ports.ts";
import { findFileFor } from "./show-file.ts";

/** Live messages may get lost; this often a watched file is looked up in any case. */
const LOOK_EVERY_MS = 15_000;
/** News of progress are sent at most this often. */
const SEND_EVERY_MS = 250;

export interface FollowedFile {
  readonly fileId: string;
  /** Of the request: what the reader has seen before its connection broke. */
  readonly lastEventId: string | null;
}

/**
 * Follows a file from its first byte to its result, whichever process receives or runs it. Each event `file` is all of
 * it as it stands, with an id that says how far that is; the stream ends after the one that says the end. Whoever comes
 * back gets what is newer than what was seen; who has seen the end is answered with 204, which tells a browser's
 * EventSource not to come back. Throws NOT_FOUND, OVERLOADED.
 */
export async function streamFile(
  ports: Ports,
  identity: Identity,
  followed: FollowedFile,
): Promise<Response> {
  const first = await findFileFor(ports, identity, followed.fileId);
  const view = viewFile(first, ports);
  if (isOver(first) && followed.lastEventId === markOf(view)) return new Response(null, { status: 204 });
  return eventStream({
    draining: ports.draining,
    start: (stream) => new Following(ports, { identity, first, stream, seen: followed.lastEventId }).start(),
  });
}

function isOver({ task }: FileRecord): boolean {
  return task !== null && task.completedAt !== null;
}

interface Audience {
  readonly identity: Identity;
  readonly first: FileRecord;
  readonly stream: EventStream;
  /** The mark of what was sent last. */
  readonly seen: string | null;
}

class Following {
  readonly #ports: Ports;
  readonly #identity: Identity;
  readonly #stream: EventStream;
  readonly #fileId: string;
  #file: FileRecord;
  #seen: string | null;
  #uploaded = 0;
  #isLooking = false;
  #isStale = false;
  #unwatchTask: (() => void) | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(ports: Ports, { identity, first, stream, seen }: Audience) {
    this.#ports = ports;
    this.#identity = identity;
    this.#stream = stream;
    this.#fileId = first.fileId;
    this.#file = first;
    this.#seen = seen;
  }

  start(): () => void {
    const unwatchFile = this.#ports.liveFiles.watch(this.#fileId, (told) => this.#onUpload(told));
    const timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    // Without a first byte, a reader that has seen all there is would wait for the head of the response.
    if (markOf(this.#view()) === this.#seen) this.#stream.send("open", {});
    this.#take(this.#file);
    void this.#look(); // Whatever happened before the watch began.
    return () => {
      clearInterval(timer);
      clearTimeout(this.#pause);
      unwatchFile();
      this.#unwatchTask?.();
    };
  }

  /** Bytes arrive: no look at the database for that. */
  #onUpload(told: LiveFile): void {
    if (told.state === "expired" || told.state === "deleted") {
      this.#end(told.state);
    } else if (told.state === "uploaded") {
      void this.#look();
    } else if (this.#file.task === null && told.uploaded > this.#uploaded) {
      this.#uploaded = told.uploaded;
      this.#sendSoon();
    }
  }

  /** One look at a time, and one more for all that happened meanwhile. */
  async #look(): Promise<void> {
    this.#isStale = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#isStale) {
        this.#isStale = false;
        this.#take(await findFileFor(this.#ports, this.#identity, this.#fileId));
      }
    } catch (error) {
      if (error instanceof Fault && error.code === "NOT_FOUND") this.#end("deleted");
      else this.#ports.log.debug("a watched file could not be looked up", { file_id: this.#fileId, error });
    } finally {
      this.#isLooking = false;
    }
  }

  #take(file: FileRecord): void {
    this.#file = file;
    if (file.task !== null && this.#unwatchTask === undefined)
      this.#unwatchTask = this.#ports.live.watch(file.task.seq, {
        onStep: () => void this.#look(),
        onProgress: () => this.#sendSoon(),
      });
    this.#send();
    if (isOver(file)) this.#stream.close();
  }

  /** Many threads report, people watch: a few times a second is enough. */
  #sendSoon(): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#send();
    }, SEND_EVERY_MS);
  }

  #send(): void {
    const view = this.#view();
    const mark = markOf(view);
    if (mark === this.#seen) return;
    this.#seen = mark;
    this.#stream.send("file", view, mark);
  }

  #view(): FileView {
    const view = viewFile(this.#file, this.#ports);
    if (view.status !== "uploading") return view;
    this.#uploaded = Math.max(this.#uploaded, view.uploaded);
    return { ...view, uploaded: this.#uploaded };
  }

  /** The file is gone, with or without its bytes: there is nothing more to tell. */
  #end(state: "expired" | "deleted"): void {
    this.#stream.send("gone", { file_id: this.#fileId, state });
    this.#stream.close();
  }
}
