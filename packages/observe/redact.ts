import { LOG_DEPTH_MAX, LOG_NODES_MAX } from "@millrace/core/limits";

/** Stands for what must not be written down. */
export const REDACTED = "[redacted]";

const TEXT_CHARS_MAX = 8_000;
const STACK_CHARS_MAX = 4_000;

/** Parts of a field's name, without case, `-` and `_`, that make its value a secret. */
const SECRET_NAMES =
  /password|passwd|passphrase|secret|token|authorization|apikey|cookie|credential|privatekey|signingkey/;

export function isSecretName(name: string): boolean {
  return SECRET_NAMES.test(name.toLowerCase().replace(/[-_\s]/g, ""));
}

/** Secrets that sit inside a text. All repetitions are bounded, so that no text costs more than its length. */
const URL_IDENTITY = /\b([a-z][a-z0-9+.-]{1,19}:\/\/)[^\s/?#]{1,512}@/gi;
const AUTH_SCHEME = /\b(Bearer|Basic)\s{1,4}[\w.~+/=-]{6,4096}/gi;
const QUERY_SECRET = /([?&][\w-]{0,32}(?:token|password|secret|api_?key|signature)=)[^&\s#]{1,4096}/gi;
const JWT = /\beyJ[\w-]{10,4096}\.[\w-]{1,4096}\.[\w-]{0,1024}/g;

/** Takes out of a text what looks like a secret: identities in URLs, bearer tokens, keys in query strings. */
export function redactText(text: string): string {
  const cut =
    text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}… [${text.length} characters]` : text;
  // Most texts hold none of these signs, and are looked at four times, quickly.
  let clean = cut;
  if (clean.includes("://")) clean = clean.replace(URL_IDENTITY, `$1${REDACTED}@`);
  if (clean.includes("=")) clean = clean.replace(QUERY_SECRET, `$1${REDACTED}`);
  if (clean.includes("eyJ")) clean = clean.replace(JWT, REDACTED);
  return /bearer|basic/i.test(clean) ? clean.replace(AUTH_SCHEME, `$1 ${REDACTED}`) : clean;
}

interface Walk {
  /** Values that may still be visited: a bound on wide and cyclic inputs alike. */
  nodesLeft: number;
}

/**
 * A copy of `fields` that is safe to write down: plain JSON values only, no secret, bounded in depth and size.
 * Throws nothing, whatever is given: getters that throw, cycles, proxies, huge arrays.
 */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return copyObject(fields, 0, { nodesLeft: LOG_NODES_MAX });
}

function copyObject(source: object, depth: number, walk: Walk): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of ownKeys(source)) {
    if (walk.nodesLeft <= 0) {
      copy["…"] = "[more fields]";
      break;
    }
    // A field called __proto__ must become a field, not the copy's prototype.
    Object.defineProperty(copy, name, {
      value: copyField(source, name, { depth, walk }),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

function ownKeys(source: object): readonly string[] {
  try {
    return Object.keys(source);
  } catch {
    return []; // A proxy may refuse to say.
  }
}

function copyField(source: object, name: string, at: { depth: number; walk: Walk }): unknown {
  try {
    const value: unknown = Reflect.get(source, name);
    const isFlag = value === null || value === undefined || typeof value === "boolean";
    if (!isFlag && isSecretName(name)) return REDACTED;
    return copyValue(value, at.depth + 1, at.walk);
  } catch {
    return "[unreadable]";
  }
}

function copyValue(value: unknown, depth: number, walk: Walk): unknown {
  walk.nodesLeft -= 1;
  switch (typeof value) {
    case "string":
      return redactText(value);
    case "bigint":
      return value.toString();
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
    case "undefined":
      return value;
    case "function":
    case "symbol":
      return `[${typeof value}]`;
    case "object":
      return value === null ? null : copyContainer(value, depth, walk);
  }
}

function copyContainer(value: object, depth: number, walk: Walk): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth > LOG_DEPTH_MAX) return "[too deep]";
  if (value instanceof Error) return copyError(value, depth, walk);
  if (Array.isArray(value)) return copyArray(value, depth, walk);
  if (value instanceof Map || value instanceof Set)
    return copyArray([...take(value, LOG_NODES_MAX)], depth, walk);
  if (value instanceof Headers) return copyObject(Object.fromEntries(value), depth, walk);
  return copyObject(value, depth, walk);
}

function* take(source: Iterable<unknown>, countMax: number): Iterable<unknown> {
  let count = 0;
  for (const item of source) {
    if (count === countMax) return;
    count += 1;
    yield item;
  }
}

function copyArray(source: readonly unknown[], depth: number, walk: Walk): unknown[] {
  const copy: unknown[] = [];
  for (const item of source) {
    if (walk.nodesLeft <= 0) {
      copy.push(`[${source.length - copy.length} more items]`);
      break;
    }
    copy.push(copyValue(item, depth + 1, walk));
  }
  return copy;
}

/** Name, message, code, stack and whatever else an error carries; its cause likewise, as deep as the bound allows. */
function copyError(error: Error, depth: number, walk: Walk): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const { name: _, ...own } = copyObject(error, depth, walk); // `type` says it.
  const copy: Record<string, unknown> = { type: String(name), message: redactText(String(message)), ...own };
  // An error that was thrown on purpose far below is found by its stack; the message stands at its top again.
  if (typeof stack === "string") copy.stack = redactText(stack.slice(0, STACK_CHARS_MAX));
  if (cause !== undefined) copy.cause = copyValue(cause, depth + 1, walk);
  if (error instanceof AggregateError) copy.errors = copyArray(error.errors, depth, walk);
  return copy;
}
