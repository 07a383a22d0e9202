import { type Destination, standardOutput } from "./fd-destination.ts";
import { type FormatRecord, formatJson, formatPretty, LOG_LEVELS, type LogLevel } from "./log-format.ts";
import { redactFields } from "./redact.ts";

/** What a line says beside its message: `task_id`, `correlation_id`, `error` … Names in snake_case. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes lines. No method throws, whatever it is given, and none waits for the reader. */
export interface Log {
  /** For whoever looks for a fault: off by default. */
  debug(message: string, fields?: LogFields): void;
  /** Something normal that an operator wants to have seen. */
  info(message: string, fields?: LogFields): void;
  /** Something that heals by itself, and should not happen often. */
  warning(message: string, fields?: LogFields): void;
  /** Something failed for good: a request, a task, a duty. */
  error(message: string, fields?: LogFields): void;
  /** The process cannot go on. Waits up to a second until the line is written. */
  critical(message: string, fields?: LogFields): void;
  /** The same log, with fields that stand in every line. */
  child(fields: LogFields): Log;
  /** True when a line of this level is written: spares the making of costly fields. */
  isEnabled(level: LogLevel): boolean;
  /** Writes what waits for a slow reader, for at most a second. */
  flush(): void;
}

export interface LogOptions {
  /** `api`, `recorder`, `scheduler`, `worker` … */
  readonly service: string;
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
  /** Standard output by default. */
  readonly destination?: Destination;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Colours of the pretty form; by default what the terminal can do. */
  readonly hasColors?: boolean;
}

interface Sink {
  readonly service: string;
  readonly rankMin: number;
  readonly format: FormatRecord;
  readonly destination: Destination;
  readonly now: () => number;
}

export function createLog(options: LogOptions): Log {
  const hasColors = options.hasColors ?? Bun.enableANSIColors;
  const format: FormatRecord =
    options.format === "json" ? formatJson : (record) => formatPretty(record, hasColors);
  const now = options.now ?? Date.now;
  const lossLine = (lines: number) =>
    format({
      timeMs: now(),
      level: "WARNING",
      service: options.service,
      message: "log lines were dropped because their reader is too slow",
      fields: { dropped: lines },
    });
  return new FieldLog(
    {
      service: options.service,
      rankMin: LOG_LEVELS.indexOf(options.level),
      format,
      destination: options.destination ?? standardOutput(lossLine),
      now,
    },
    {},
  );
}

class FieldLog implements Log {
  readonly #sink: Sink;
  /** Redacted once, when the child was made. */
  readonly #fields: LogFields;

  constructor(sink: Sink, fields: LogFields) {
    this.#sink = sink;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("DEBUG", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("INFO", message, fields);
  }

  warning(message: string, fields?: LogFields): void {
    this.#write("WARNING", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("ERROR", message, fields);
  }

  critical(message: string, fields?: LogFields): void {
    this.#write("CRITICAL", message, fields);
    this.flush();
  }

  child(fields: LogFields): Log {
    return new FieldLog(this.#sink, { ...this.#fields, ...redactFields(fields) });
  }

  isEnabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#sink.rankMin;
  }

  flush(): void {
    this.#sink.destination.flush();
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (!this.isEnabled(level)) return;
    const { service, format, destination, now } = this.#sink;
    try {
      const own = fields === undefined ? this.#fields : { ...this.#fields, ...redactFields(fields) };
      destination.write(format({ timeMs: now(), level, service, message: String(message), fields: own }));
    } catch {
      // A line that cannot be made is no reason to fail the work it speaks of.
    }
  }
}
