/** Traces, as the rest of the product sees them. Nothing here loads the SDK: see `open-tracing.ts`. */

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** What a span says beside its name. Never a payload, a secret, or a URL with either. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface ChildStart {
  /** Absent: internal. */
  readonly kind?: SpanKind;
  readonly attributes?: SpanAttributes;
}

export interface SpanStart extends ChildStart {
  /** The trace that it goes on with, as `Span.context` gives it; absent, or none that is sane: it begins one. */
  readonly parent?: string | undefined;
  /** Contexts of others that it stands for as well; the first TRACE_LINKS_MAX count. */
  readonly links?: readonly string[];
}

/** A recorded span. No method throws, and none waits. */
export interface Span {
  /** `traceparent`, then a space and `tracestate` if there is one: as it stands in rows and messages. */
  readonly context: string;
  child(name: string, start?: ChildStart): Span;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** Marks it as failed, with an exception event. */
  fail(code: string, message: string): void;
  end(): void;
}

/** A span of another process: nothing is said of it here, and its context is told on. */
export function spanElsewhere(context: string): Span {
  const span: Span = {
    context,
    child: () => span,
    rename: () => {},
    set: () => {},
    fail: () => {},
    end: () => {},
  };
  return span;
}

/** A process that traces. */
export interface Tracing {
  /** Undefined: this trace is not sampled, and nothing is to be done or told on for it. */
  start(name: string, start?: SpanStart): Span | undefined;
  /** Sends what waits, for at most TRACE_FLUSH_MS_MAX. Never rejects. */
  stop(): Promise<void>;
}

/** Does the work within a child of the span, if there is one. */
export function withinSpan<T>(parent: Span | undefined, name: string, work: () => Promise<T>): Promise<T> {
  return parent === undefined ? work() : untilEnd(parent.child(name), work);
}

/** Does the work of a span, if there is one, and ends it. */
export function endingSpan<T>(span: Span | undefined, work: () => Promise<T>): Promise<T> {
  return span === undefined ? work() : untilEnd(span, work);
}

async function untilEnd<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    failWith(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** What was thrown, as a span tells it: its code, if it has one. */
export function failWith(span: Span, error: unknown): void {
  if (error instanceof Error) {
    const { code } = error as { readonly code?: unknown };
    span.fail(typeof code === "string" ? code : error.name, error.message);
  } else span.fail("UNKNOWN", String(error));
}
