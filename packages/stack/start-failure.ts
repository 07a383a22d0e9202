/** The stack cannot start. Its message is for the person at the terminal: what failed, and what to do about it. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";

  constructor(what: string, advice = "", cause?: unknown) {
    super(advice === "" ? what : `${what}\n${advice}`, cause === undefined ? undefined : { cause });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a failed system call (`EACCES`), of a failed query, or "". */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
