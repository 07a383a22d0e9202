import { UPLOAD_TOLD_EVERY_MS } from "@millrace/core/limits";
import type { LiveFile } from "@millrace/protocol";
import type { LiveFiles } from "./live-files.ts";

/** Tells how far one upload is: a few times a second, and its end in any case. */
export class UploadTeller {
  readonly #live: Pick<LiveFiles, "tell">;
  readonly #fileId: string;
  readonly #size: number | null;
  readonly #now: () => number;
  #uploaded: number;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  /** @param upload its size, null when nobody has said it, and where it goes on. */
  constructor(
    live: Pick<LiveFiles, "tell">,
    upload: { readonly fileId: string; readonly size: number | null; readonly offset?: number },
    now: () => number = () => performance.now(),
  ) {
    this.#live = live;
    this.#fileId = upload.fileId;
    this.#size = upload.size;
    this.#uploaded = upload.offset ?? 0;
    this.#now = now;
  }

  get uploaded(): number {
    return this.#uploaded;
  }

  received(bytes: number): void {
    this.#uploaded += bytes;
    const nowMs = this.#now();
    if (nowMs - this.#toldAtMs < UPLOAD_TOLD_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    this.#tell("uploading");
  }

  /** Once: its bytes are all there, or it was given up; or, of a resumable one, this request has ended. */
  end(state: LiveFile["state"]): void {
    this.#tell(state);
  }

  #tell(state: LiveFile["state"]): void {
    const size = state === "uploaded" ? this.#uploaded : this.#size;
    this.#live.tell(this.#fileId, { v: 1, uploaded: this.#uploaded, size, state });
  }
}
