import { UPLOAD_TOLD_EVERY_MS } from "@millrace/core/limits";
import type { LiveFile } from "@millrace/protocol";
import type { LiveFiles } from "./live-files.ts";

export interface TellerClock {
  nowMs(): number;
  /** Calls once; the returned function prevents it. */
  after(delayMs: number, call: () => void): () => void;
}

const CLOCK: TellerClock = {
  nowMs: () => performance.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Tells how far one upload is: a few times a second, the last bytes of a burst too, and its end in any case. */
export class UploadTeller {
  readonly #live: Pick<LiveFiles, "tell">;
  readonly #fileId: string;
  readonly #size: number | null;
  readonly #clock: TellerClock;
  #uploaded: number;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #forget: (() => void) | undefined;

  /** @param upload its size, null when nobody has said it, and where it goes on. */
  constructor(
    live: Pick<LiveFiles, "tell">,
    upload: { readonly fileId: string; readonly size: number | null; readonly offset?: number },
    clock: TellerClock = CLOCK,
  ) {
    this.#live = live;
    this.#fileId = upload.fileId;
    this.#size = upload.size;
    this.#uploaded = upload.offset ?? 0;
    this.#clock = clock;
  }

  get uploaded(): number {
    return this.#uploaded;
  }

  received(bytes: number): void {
    this.#uploaded += bytes;
    if (this.#forget !== undefined) return;
    const pauseMs = this.#toldAtMs + UPLOAD_TOLD_EVERY_MS - this.#clock.nowMs();
    if (pauseMs <= 0) this.#tell("uploading");
    else this.#forget = this.#clock.after(pauseMs, () => this.#tell("uploading"));
  }

  /** Once: its bytes are all there, or it was given up; or, of a resumable one, this request has ended. */
  end(state: LiveFile["state"]): void {
    this.#tell(state);
  }

  #tell(state: LiveFile["state"]): void {
    this.#forget?.();
    this.#forget = undefined;
    this.#toldAtMs = this.#clock.nowMs();
    const size = state === "uploaded" ? this.#uploaded : this.#size;
    this.#live.tell(this.#fileId, { v: 1, uploaded: this.#uploaded, size, state });
  }
}
