import type { FileInfo } from "@millrace/client";
import { Board } from "../demo/board.ts";
import { writerTo } from "../shell/writer.ts";

const CELLS = 24;
const MB = 1e6;

/** What a person at a terminal sees of bytes and of processing, on standard error; for anybody else it is silent. */
export class Progress {
  readonly #board: Board | undefined;

  constructor() {
    const { stderr } = process;
    if (!stderr.isTTY) return;
    const nowMs = () => performance.now();
    this.#board = new Board({ write: writerTo(stderr), columns: stderr.columns, nowMs });
  }

  bytes(verb: string, done: number, size: number): void {
    const share = size === 0 ? 1 : done / size;
    this.#board?.progress(`${verb} ${bar(share)} ${(done / MB).toFixed(1)} of ${(size / MB).toFixed(1)} MB`);
  }

  processing({ status, progress, attempts }: FileInfo): void {
    const attempt = attempts > 1 ? `, attempt ${attempts}` : "";
    this.#board?.progress(`${status.padEnd(10)} ${bar(progress ?? 0)}${attempt}`);
  }

  end(): void {
    this.#board?.erase();
  }
}

/** `█████████████░░░░░░░░░░░  54 %` */
export function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * CELLS);
  return `${"█".repeat(full)}${"░".repeat(CELLS - full)} ${String(Math.floor(share * 100)).padStart(3)} %`;
}
