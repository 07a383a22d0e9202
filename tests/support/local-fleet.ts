import type { Fleet } from "@millrace/api/workers/fleet";
import { type CancelNotice, type KnownWorker, WorkerRegistry } from "@millrace/bus";
import { Fault } from "@millrace/core";
import type { LiveProgress, WorkerBeat } from "@millrace/protocol";

/** What NATS does for workers over HTTP, within this process. */
export class LocalFleet implements Fleet {
  readonly registry = new WorkerRegistry();
  readonly progress: LiveProgress[] = [];
  readonly forgotten: string[] = [];
  isDown = false;
  readonly #leasable: ((types: readonly string[]) => void)[] = [];
  readonly #changed: ((workerId: string) => void)[] = [];
  readonly #cancelled: ((notice: CancelNotice) => void)[] = [];

  list(): readonly KnownWorker[] {
    return this.registry.list().filter(({ beat }) => !this.forgotten.includes(beat.worker_id));
  }

  async beat(beat: WorkerBeat): Promise<void> {
    if (this.isDown) throw new Fault("BUS_UNAVAILABLE", "NATS is down");
    this.registry.hear(beat);
  }

  async forget(workerId: string): Promise<void> {
    this.forgotten.push(workerId);
  }

  tellLeasable(types: readonly string[]): void {
    for (const handle of this.#leasable) handle(types);
  }

  tellChanged(workerId: string): void {
    for (const handle of this.#changed) handle(workerId);
  }

  tellHeld(): void {}

  tellProgress(progress: LiveProgress): void {
    this.progress.push(progress);
  }

  cancel(notice: CancelNotice): void {
    for (const handle of this.#cancelled) handle(notice);
  }

  onLeasable(handle: (types: readonly string[]) => void): void {
    this.#leasable.push(handle);
  }

  onPausesChanged(): void {}

  onCancelled(handle: (notice: CancelNotice) => void): void {
    this.#cancelled.push(handle);
  }

  onChanged(handle: (workerId: string) => void): void {
    this.#changed.push(handle);
  }
}
