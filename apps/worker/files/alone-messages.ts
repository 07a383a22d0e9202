import type { JobOutcome } from "@millrace/pool";
import type { FileWork } from "./process-file.ts";
import type { FileResult } from "./run-file.ts";

/** What a worker and the process that runs one file alone say to each other. */

export interface AloneOrder {
  readonly work: FileWork;
  readonly timeoutMs: number;
  /** The thread's module. */
  readonly threadModule: string;
}

export type AloneNews =
  | { readonly kind: "progress"; readonly progress: number }
  | { readonly kind: "outcome"; readonly outcome: JobOutcome<FileResult> }
  /** Something that is nobody's fault: no thread, no such file. */
  | { readonly kind: "trouble"; readonly message: string };
