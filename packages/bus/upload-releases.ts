import { uploadReleaseSubject } from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/** Whoever holds an upload answers within half of this. */
const ANSWER_MS_MAX = 500;
const FREE = "free";
const BUSY = "busy";

/** "busy": somebody holds it, and was asked to let go. "free" also when nobody can be asked. */
export type ReleaseAnswer = "free" | "busy";

/**
 * How api processes ask each other for an upload. Not a lock: the storage itself refuses a second writer. It is there so
 * that nobody waits for a sender who is gone: whoever holds the upload lets go when its sender is silent.
 */
export class UploadReleases {
  readonly #bus: Bus;
  #isConnected = true;

  constructor(bus: Bus) {
    this.#bus = bus;
    void this.#watch();
  }

  /** A question that nobody can hear would only cost its time-out. */
  async #watch(): Promise<void> {
    for await (const { type } of this.#bus.connection.status()) {
      if (type === "disconnect") this.#isConnected = false;
      if (type === "reconnect") this.#isConnected = true;
    }
  }

  async ask(fileId: string): Promise<ReleaseAnswer> {
    const { connection } = this.#bus;
    if (!this.#isConnected || connection.isClosed()) return FREE;
    try {
      const answer = await connection.request(uploadReleaseSubject(fileId), "", { timeout: ANSWER_MS_MAX });
      return answer.string() === BUSY ? BUSY : FREE;
    } catch {
      // Nobody holds it, or its holder died just now.
      return FREE;
    }
  }

  /**
   * From now on, answers those who ask. `letGo` resolves once the upload is free; it is not waited for beyond
   * a quarter of a second, so that they know that somebody is there.
   *
   * @returns what to call when it is free.
   */
  hold(fileId: string, letGo: () => Promise<void>): () => void {
    const { connection } = this.#bus;
    if (connection.isClosed() || connection.isDraining()) return () => {};
    const subscription = connection.subscribe(uploadReleaseSubject(fileId), {
      callback: (error, message) => {
        if (error === null) void answerInTime(letGo()).then((answer) => message.respond(answer));
      },
    });
    return () => subscription.unsubscribe();
  }
}

async function answerInTime(letGo: Promise<void>): Promise<ReleaseAnswer> {
  const late = Promise.withResolvers<ReleaseAnswer>();
  const timer = setTimeout(() => late.resolve(BUSY), ANSWER_MS_MAX / 2);
  const answer = await Promise.race([letGo.then((): ReleaseAnswer => FREE), late.promise]);
  clearTimeout(timer);
  return answer;
}
