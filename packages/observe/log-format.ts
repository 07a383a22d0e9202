import { LOG_LINE_CHARS_MAX } from "@millrace/core/limits";
import { redactText } from "./redact.ts";

export const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogRecord {
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly service: string;
  readonly message: string;
  /** Safe to write: see `redactFields`. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export type FormatRecord = (record: LogRecord) => string;

const MESSAGE_CHARS_WHEN_CUT = 1_000;
const FIELDS_CHARS_WHEN_CUT = 4_000;

/** The names that mean the same in every line; a field that takes one of them gets a `_` behind. */
const OWN_NAMES = new Set(["time", "level", "service", "message"]);

function withoutOwnNames(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (!Object.keys(fields).some((name) => OWN_NAMES.has(name))) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [OWN_NAMES.has(name) ? `${name}_` : name, value]),
  );
}

/** One line of JSON: time, level, service, message, then the fields. Never longer than the bound of a line. */
export function formatJson(record: LogRecord): string {
  const head = {
    time: new Date(record.timeMs).toISOString(),
    level: record.level,
    service: record.service,
    message: redactText(record.message),
  };
  const line = JSON.stringify({ ...head, ...withoutOwnNames(record.fields) });
  return line.length < LOG_LINE_CHARS_MAX ? `${line}\n` : `${cut(head, record.fields)}\n`;
}

function cut(head: { readonly message: string }, fields: Readonly<Record<string, unknown>>): string {
  const id = fields.correlation_id;
  return JSON.stringify({
    ...head,
    message: head.message.slice(0, MESSAGE_CHARS_WHEN_CUT),
    ...(typeof id === "string" ? { correlation_id: id.slice(0, 128) } : {}),
    is_cut: true,
    // The beginning of the fields as text: broken as JSON, still good for reading.
    fields_cut: JSON.stringify(fields).slice(0, FIELDS_CHARS_WHEN_CUT),
  });
}

const COLORS: Readonly<Record<LogLevel, string>> = {
  DEBUG: "\x1b[2m",
  INFO: "\x1b[32m",
  WARNING: "\x1b[33m",
  ERROR: "\x1b[31m",
  CRITICAL: "\x1b[1;97;41m",
};

/** What a terminal would obey instead of show. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g;

function escapeControl(text: string): string {
  return text.replace(CONTROL, (character) => JSON.stringify(character).slice(1, -1));
}

function showValue(value: unknown): string {
  if (typeof value === "string") return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
  return JSON.stringify(value) ?? String(value);
}

interface ShownError {
  readonly stack: string;
  readonly cause?: unknown;
}

function isShownError(value: unknown): value is ShownError {
  return typeof value === "object" && value !== null && "stack" in value && typeof value.stack === "string";
}

const STACK_LINES_MAX = 12;
const CAUSES_MAX = 5;

/** The stack, then that of each cause, indented below the line. */
function showError(error: ShownError, depth = 0): string {
  const stack = error.stack
    .split("\n", STACK_LINES_MAX)
    .map((line) => `\n    ${escapeControl(line.trim())}`)
    .join("");
  if (error.cause === undefined || depth === CAUSES_MAX) return stack;
  if (isShownError(error.cause)) return `${stack}\n  caused by${showError(error.cause, depth + 1)}`;
  return `${stack}\n  caused by ${escapeControl(showValue(error.cause))}`;
}

/** For people at a terminal: `23:45:51.518 INFO     api  task completed  task_id=t-1 attempt=2`. */
export function formatPretty(record: LogRecord, hasColors: boolean): string {
  const paint = (color: string, text: string) => (hasColors ? `${color}${text}\x1b[0m` : text);
  const time = paint("\x1b[2m", new Date(record.timeMs).toISOString().slice(11, 23));
  const level = paint(COLORS[record.level], record.level.padEnd(8));
  const fields = Object.entries(record.fields)
    .filter(([, value]) => value !== undefined && !isShownError(value))
    .map(
      ([name, value]) => `${paint("\x1b[2m", `${escapeControl(name)}=`)}${escapeControl(showValue(value))}`,
    );
  const errors = Object.values(record.fields)
    .filter(isShownError)
    .map((error) => showError(error));
  const message = escapeControl(redactText(record.message));
  const line = [time, level, record.service, message, ...fields].join(" ").slice(0, LOG_LINE_CHARS_MAX);
  return `${line}${errors.join("")}\n`;
}
