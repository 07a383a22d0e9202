import protobuf from "protobufjs/light";

/**
 * An OTLP/HTTP collector: a real server on 127.0.0.1 that decodes protobuf and keeps the spans. The messages are those of
 * opentelemetry/proto/collector/trace/v1, with every field that the exporter may write.
 */
const ATTRIBUTES = { rule: "repeated", type: "KeyValue" } as const;
const root = protobuf.Root.fromJSON({
  nested: {
    AnyValue: {
      oneofs: { value: { oneof: ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue"] } },
      fields: {
        stringValue: { type: "string", id: 1 },
        boolValue: { type: "bool", id: 2 },
        intValue: { type: "int64", id: 3 },
        doubleValue: { type: "double", id: 4 },
        arrayValue: { type: "ArrayValue", id: 5 },
      },
    },
    ArrayValue: { fields: { values: { rule: "repeated", type: "AnyValue", id: 1 } } },
    KeyValue: { fields: { key: { type: "string", id: 1 }, value: { type: "AnyValue", id: 2 } } },
    Resource: { fields: { attributes: { ...ATTRIBUTES, id: 1 } } },
    Status: { fields: { message: { type: "string", id: 2 }, code: { type: "int32", id: 3 } } },
    Event: {
      fields: {
        timeUnixNano: { type: "fixed64", id: 1 },
        name: { type: "string", id: 2 },
        attributes: { ...ATTRIBUTES, id: 3 },
      },
    },
    Link: {
      fields: {
        traceId: { type: "bytes", id: 1 },
        spanId: { type: "bytes", id: 2 },
        traceState: { type: "string", id: 3 },
        attributes: { ...ATTRIBUTES, id: 4 },
      },
    },
    Span: {
      fields: {
        traceId: { type: "bytes", id: 1 },
        spanId: { type: "bytes", id: 2 },
        traceState: { type: "string", id: 3 },
        parentSpanId: { type: "bytes", id: 4 },
        name: { type: "string", id: 5 },
        kind: { type: "int32", id: 6 },
        startTimeUnixNano: { type: "fixed64", id: 7 },
        endTimeUnixNano: { type: "fixed64", id: 8 },
        attributes: { ...ATTRIBUTES, id: 9 },
        events: { rule: "repeated", type: "Event", id: 11 },
        links: { rule: "repeated", type: "Link", id: 13 },
        status: { type: "Status", id: 15 },
      },
    },
    ScopeSpans: { fields: { spans: { rule: "repeated", type: "Span", id: 2 } } },
    ResourceSpans: {
      fields: {
        resource: { type: "Resource", id: 1 },
        scopeSpans: { rule: "repeated", type: "ScopeSpans", id: 2 },
      },
    },
    ExportTraceServiceRequest: {
      fields: { resourceSpans: { rule: "repeated", type: "ResourceSpans", id: 1 } },
    },
  },
});
const REQUEST = root.lookupType("ExportTraceServiceRequest");
const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;

export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: (typeof KINDS)[number];
  readonly traceId: string;
  readonly spanId: string;
  /** "" begins the trace. */
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly isError: boolean;
  readonly exceptions: readonly Readonly<Record<string, unknown>>[];
  readonly startedNs: bigint;
  readonly endedNs: bigint;
}

export interface OtlpCollector {
  /** As OTEL_EXPORTER_OTLP_ENDPOINT takes it. */
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** Of each export, by their names in lower case. */
  readonly headers: readonly Readonly<Record<string, string>>[];
  /** Spans of the trace, once they are such as the claim says. Fails, showing what there was, after the deadline. */
  trace(
    traceId: string,
    isWhole: (spans: readonly CollectedSpan[]) => boolean,
    deadlineMs?: number,
  ): Promise<readonly CollectedSpan[]>;
  stop(): Promise<void>;
}

const DEADLINE_MS = 30_000;
const LOOK_MS = 25;

export function startOtlpCollector(): OtlpCollector {
  const spans: CollectedSpan[] = [];
  const headers: Record<string, string>[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      const isProtobuf = request.headers.get("content-type") === "application/x-protobuf";
      if (request.method !== "POST" || pathname !== "/v1/traces" || !isProtobuf)
        return new Response(null, { status: 400 });
      headers.push(Object.fromEntries(request.headers));
      spans.push(...spansIn(new Uint8Array(await request.arrayBuffer())));
      return new Response(new Uint8Array(), { headers: { "Content-Type": "application/x-protobuf" } });
    },
  });
  return {
    url: server.url.origin,
    ...{ spans, headers },
    trace: async (traceId, isWhole, deadlineMs = DEADLINE_MS) => {
      for (const endMs = performance.now() + deadlineMs; ; await Bun.sleep(LOOK_MS)) {
        const found = spans.filter((span) => span.traceId === traceId);
        if (isWhole(found)) return found;
        if (performance.now() > endMs)
          throw new Error(`the trace ${traceId} is not whole:\n${found.map(describe).join("\n")}`);
      }
    },
    stop: () => server.stop(true),
  };
}

function describe({ service, kind, name, spanId, parentSpanId }: CollectedSpan): string {
  return `  ${service} ${kind} ${name} ${spanId} < ${parentSpanId}`;
}

interface Pair {
  readonly key: string;
  readonly value?: Readonly<Record<string, unknown>>;
}

interface WireSpan {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId?: Uint8Array;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly Pair[];
  readonly links?: readonly Pick<WireSpan, "traceId" | "spanId">[];
  readonly events?: readonly { readonly name: string; readonly attributes?: readonly Pair[] }[];
  readonly status?: { readonly code?: number };
}

interface WireRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly Pair[] };
    readonly scopeSpans?: readonly { readonly spans?: readonly WireSpan[] }[];
  }[];
}

const ERROR = 2;

function spansIn(bytes: Uint8Array): readonly CollectedSpan[] {
  const { resourceSpans = [] } = REQUEST.toObject(REQUEST.decode(bytes), { longs: String }) as WireRequest;
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = String(plain(resource?.attributes)["service.name"]);
    return scopeSpans.flatMap((scope) => (scope.spans ?? []).map((span) => collected(service, span)));
  });
}

function collected(service: string, span: WireSpan): CollectedSpan {
  return {
    ...{ service, name: span.name, kind: KINDS[span.kind] ?? "unspecified" },
    ...{ traceId: hex(span.traceId), spanId: hex(span.spanId), parentSpanId: hex(span.parentSpanId) },
    attributes: plain(span.attributes),
    links: (span.links ?? []).map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
    isError: span.status?.code === ERROR,
    exceptions: (span.events ?? []).flatMap(({ name, attributes }) =>
      name === "exception" ? [plain(attributes)] : [],
    ),
    ...{ startedNs: BigInt(span.startTimeUnixNano), endedNs: BigInt(span.endTimeUnixNano) },
  };
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : Buffer.from(bytes).toString("hex");
}

function plain(pairs: readonly Pair[] = []): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map(({ key, value = {} }) => {
      const [kind, given] = Object.entries(value)[0] ?? [];
      return [key, kind === "intValue" ? Number(given) : given];
    }),
  );
}
