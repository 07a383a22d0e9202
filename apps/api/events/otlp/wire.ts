import protobuf from "protobufjs/light";

/**
 * The messages of OTLP logs (opentelemetry/proto/collector/logs/v1 and what it imports), with the fields that are read.
 * Unknown ones are skipped, as protobuf promises. Written as the library's JSON: there is no package that carries the
 * official files, and none for reading them that does not bring an SDK.
 */
const root = protobuf.Root.fromJSON({
  nested: {
    AnyValue: {
      oneofs: {
        value: {
          oneof: [
            "stringValue",
            "boolValue",
            "intValue",
            "doubleValue",
            "arrayValue",
            "kvlistValue",
            "bytesValue",
          ],
        },
      },
      fields: {
        stringValue: { type: "string", id: 1 },
        boolValue: { type: "bool", id: 2 },
        intValue: { type: "int64", id: 3 },
        doubleValue: { type: "double", id: 4 },
        arrayValue: { type: "ArrayValue", id: 5 },
        kvlistValue: { type: "KeyValueList", id: 6 },
        bytesValue: { type: "bytes", id: 7 },
      },
    },
    ArrayValue: { fields: { values: { rule: "repeated", type: "AnyValue", id: 1 } } },
    KeyValueList: { fields: { values: { rule: "repeated", type: "KeyValue", id: 1 } } },
    KeyValue: { fields: { key: { type: "string", id: 1 }, value: { type: "AnyValue", id: 2 } } },
    Resource: { fields: { attributes: { rule: "repeated", type: "KeyValue", id: 1 } } },
    InstrumentationScope: {
      fields: {
        name: { type: "string", id: 1 },
        version: { type: "string", id: 2 },
        attributes: { rule: "repeated", type: "KeyValue", id: 3 },
      },
    },
    LogRecord: {
      fields: {
        timeUnixNano: { type: "fixed64", id: 1 },
        severityNumber: { type: "int32", id: 2 },
        severityText: { type: "string", id: 3 },
        body: { type: "AnyValue", id: 5 },
        attributes: { rule: "repeated", type: "KeyValue", id: 6 },
        traceId: { type: "bytes", id: 9 },
        spanId: { type: "bytes", id: 10 },
        observedTimeUnixNano: { type: "fixed64", id: 11 },
        eventName: { type: "string", id: 12 },
      },
    },
    ExportLogsPartialSuccess: {
      fields: { rejectedLogRecords: { type: "int64", id: 1 }, errorMessage: { type: "string", id: 2 } },
    },
    ExportLogsServiceResponse: {
      fields: { partialSuccess: { type: "ExportLogsPartialSuccess", id: 1 } },
    },
    /** google.rpc.Status: what OTLP wants errors to be. */
    Status: { fields: { code: { type: "int32", id: 1 }, message: { type: "string", id: 2 } } },
  },
});

const RESOURCE = root.lookupType("Resource");
const SCOPE = root.lookupType("InstrumentationScope");
const LOG_RECORD = root.lookupType("LogRecord");
const RESPONSE = root.lookupType("ExportLogsServiceResponse");
const STATUS = root.lookupType("Status");

/** Fields by their names in OTLP's JSON, 64-bit integers as text, bytes as they are. Throws for what is no protobuf. */
type Decoded = Readonly<Record<string, unknown>>;
const plain = (type: protobuf.Type) => (bytes: Uint8Array) =>
  type.toObject(type.decode(bytes), { longs: String }) as Decoded;
export const decodeResource = plain(RESOURCE);
export const decodeScope = plain(SCOPE);
export const decodeLogRecord = plain(LOG_RECORD);

export interface PartialSuccess {
  readonly rejectedLogRecords: number;
  readonly errorMessage: string;
}

export function encodeResponse(partialSuccess: PartialSuccess | undefined): Uint8Array {
  return RESPONSE.encode(RESPONSE.create(partialSuccess === undefined ? {} : { partialSuccess })).finish();
}

export function encodeStatus(status: { readonly code: number; readonly message: string }): Uint8Array {
  return STATUS.encode(STATUS.create(status)).finish();
}

const LENGTH_DELIMITED = 2;

/**
 * The contents of the sub-messages in one field, not decoded: a megabyte of empty records would become a gigabyte of
 * objects. Throws for what is no protobuf.
 */
export function* subMessages(bytes: Uint8Array, field: number): Generator<Uint8Array> {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === ((field << 3) | LENGTH_DELIMITED)) yield reader.bytes();
    else reader.skipType(tag & 7);
  }
}
