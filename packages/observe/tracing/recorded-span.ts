import { TRACE_LINKS_MAX, TRACE_TEXT_CHARS_MAX } from "@millrace/core/limits";
import { joinTraceContext, splitTraceContext } from "@millrace/protocol";
import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { redactText } from "../redact.ts";
import type { ChildStart, Span, SpanAttributes, SpanStart } from "./tracing.ts";

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

const propagator = new W3CTraceContextPropagator();
const getter = {
  get: (carrier: Readonly<Record<string, string>>, key: string) => carrier[key],
  keys: (carrier: Readonly<Record<string, string>>) => Object.keys(carrier),
};
const setter = {
  set: (carrier: Record<string, string>, key: string, value: string): void => {
    carrier[key] = value;
  },
};

/** Undefined when the sampler does not want this trace. */
export function startRecorded(tracer: Tracer, name: string, start: SpanStart = {}): Span | undefined {
  const { kind = "internal", parent, links, attributes = {} } = start;
  const linked = links === undefined || links.length === 0 ? {} : { links: linksTo(links) };
  const span = tracer.startSpan(name, { kind: KINDS[kind], attributes, ...linked }, contextOf(parent));
  return span.isRecording() ? new RecordedSpan(tracer, span) : undefined;
}

function contextOf(text: string | undefined): Context {
  const headers = splitTraceContext(text);
  return headers === undefined ? ROOT_CONTEXT : propagator.extract(ROOT_CONTEXT, { ...headers }, getter);
}

function linksTo(contexts: readonly string[]): Link[] {
  return contexts.slice(0, TRACE_LINKS_MAX).flatMap((text) => {
    const context = trace.getSpanContext(contextOf(text));
    return context === undefined ? [] : [{ context }];
  });
}

class RecordedSpan implements Span {
  readonly #tracer: Tracer;
  readonly #span: SdkSpan;
  #context: string | undefined;

  constructor(tracer: Tracer, span: SdkSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  get context(): string {
    this.#context ??= this.#write();
    return this.#context;
  }

  child(name: string, { kind = "internal", attributes = {} }: ChildStart = {}): Span {
    const options = { kind: KINDS[kind], attributes };
    return new RecordedSpan(this.#tracer, this.#tracer.startSpan(name, options, this.#asParent()));
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  fail(code: string, message: string): void {
    const clean = redactText(message).slice(0, TRACE_TEXT_CHARS_MAX);
    this.#span.setAttribute("error.type", code);
    this.#span.addEvent("exception", { "exception.type": code, "exception.message": clean });
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: clean });
  }

  end(): void {
    if (this.#span.isRecording()) this.#span.end();
  }

  #asParent(): Context {
    return trace.setSpan(ROOT_CONTEXT, this.#span);
  }

  #write(): string {
    const headers: Record<string, string> = {};
    propagator.inject(this.#asParent(), headers, setter);
    return joinTraceContext(headers.traceparent, headers.tracestate) ?? "";
  }
}
