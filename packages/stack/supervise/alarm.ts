/** Says what of a process's output deserves the terminal: a line for people, or undefined. Everything is in the log file. */
export type FindAlarm = (line: string) => string | undefined;

/** Our services: JSON lines of level ERROR or CRITICAL, and whatever is not JSON (a crash speaks no JSON). */
export const serviceAlarm: FindAlarm = (line) => {
  if (line.trim() === "") return undefined;
  const record = parseRecord(line);
  if (record === undefined) return line;
  const { level, message, error } = record;
  if (level !== "ERROR" && level !== "CRITICAL") return undefined;
  return [String(message), reasonOf(error)].filter((part) => part !== "").join(": ");
};

/** nats-server: `[123] 2026/01/01 00:00:00.000000 [ERR] …`. */
export const natsAlarm: FindAlarm = (line) => / \[(?:ERR|FTL)\] .*/.exec(line)?.[0].trim();

/**
 * PostgreSQL: only what ends the server. ERROR is a statement's own business and its client knows; FATAL ends one
 * connection, as each shutdown and each start does.
 */
export const postgresAlarm: FindAlarm = (line) => /\bPANIC: .*/.exec(line)?.[0];

function parseRecord(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (typeof error === "string") return error;
  if (typeof error !== "object" || error === null || !("message" in error)) return "";
  return String(error.message);
}

interface EchoBounds {
  readonly linesMax: number;
  readonly windowMs: number;
}

/** Passes on the first lines of each window and then says only that there is more: a flood helps nobody to read. */
export class BoundedEcho {
  readonly #write: (text: string) => void;
  readonly #nowMs: () => number;
  readonly #bounds: EchoBounds;
  #windowFromMs = Number.NEGATIVE_INFINITY;
  #lines = 0;

  constructor(
    write: (text: string) => void,
    nowMs: () => number,
    bounds: EchoBounds = { linesMax: 10, windowMs: 10_000 },
  ) {
    this.#write = write;
    this.#nowMs = nowMs;
    this.#bounds = bounds;
  }

  show(text: string, logPath: string): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#windowFromMs >= this.#bounds.windowMs) {
      this.#windowFromMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines <= this.#bounds.linesMax) this.#write(text);
    else if (this.#lines === this.#bounds.linesMax + 1) this.#write(`… and more: ${logPath}`);
  }
}
