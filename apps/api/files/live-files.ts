import { type Bus, followFiles, tellFile } from "@millrace/bus";
import { PROGRESS_TASKS_MAX } from "@millrace/core/limits";
import type { LiveFile } from "@millrace/protocol";

export type FileWatcher = (told: LiveFile) => void;

/** How far uploads are, whichever api process receives them; known without asking the database. */
export interface LiveFiles {
  /** To the watchers of all api processes. */
  tell(fileId: string, told: LiveFile): void;
  /** What was told last of an upload that goes on. */
  heard(fileId: string): LiveFile | undefined;
  /** The returned function ends it. */
  watch(fileId: string, watcher: FileWatcher): () => void;
}

/** Who watches what, in this process, and what was heard last. */
export class HeardFiles {
  readonly #heard = new Map<string, LiveFile>();
  readonly #watchers = new Map<string, Set<FileWatcher>>();

  heard(fileId: string): LiveFile | undefined {
    return this.#heard.get(fileId);
  }

  watch(fileId: string, watcher: FileWatcher): () => void {
    const watchers = this.#watchers.get(fileId) ?? new Set();
    this.#watchers.set(fileId, watchers.add(watcher));
    return () => {
      if (watchers.delete(watcher) && watchers.size === 0) this.#watchers.delete(fileId);
    };
  }

  /** A map keeps the order of insertion: what was silent for longest is forgotten first. */
  hear(fileId: string, told: LiveFile): void {
    this.#heard.delete(fileId);
    if (told.state === "uploading") this.#heard.set(fileId, told);
    if (this.#heard.size > PROGRESS_TASKS_MAX) {
      const [stalest] = this.#heard.keys();
      if (stalest !== undefined) this.#heard.delete(stalest);
    }
    for (const watcher of this.#watchers.get(fileId) ?? []) watcher(told);
  }
}

/** Over core NATS. What this process tells, its own watchers hear at once, also while NATS is away; the echo does no harm. */
export class BusLiveFiles implements LiveFiles {
  readonly #bus: Bus;
  readonly #files = new HeardFiles();

  constructor(bus: Bus) {
    this.#bus = bus;
    followFiles(bus, (fileId, told) => this.#files.hear(fileId, told));
  }

  tell(fileId: string, told: LiveFile): void {
    this.#files.hear(fileId, told);
    tellFile(this.#bus, fileId, told);
  }

  heard(fileId: string): LiveFile | undefined {
    return this.#files.heard(fileId);
  }

  watch(fileId: string, watcher: FileWatcher): () => void {
    return this.#files.watch(fileId, watcher);
  }
}
