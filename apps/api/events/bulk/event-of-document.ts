import { isUtf8 } from "node:buffer";
import { EVENT_BYTES_MAX } from "@millrace/core/limits";
import { type BuiltEvent, levelFrom, messageFrom, sourceFrom, typeFrom } from "../fields.ts";
import type { Refusal } from "../judge-record.ts";
import type { BulkAction } from "./read-actions.ts";

type Document = Readonly<Record<string, unknown>>;

/**
 * What a document of Filebeat, Fluent Bit, Vector or Logstash is as an event. The Elastic Common Schema's names count,
 * nested or with dots; whatever has no place of its own goes into the attributes.
 */
export function eventOfDocument(action: BulkAction): BuiltEvent | Refusal {
  if (action.verb === "delete" || action.verb === "update")
    return { code: "VALIDATION_FAILED", message: "events are never changed: send create or index" };
  const document = parse(action.document);
  if ("code" in document) return document;
  const { fields } = document;
  const { "@timestamp": time, message, ...attributes } = fields;
  const timestamp = timestampOf(time ?? fields.timestamp);
  return {
    ...(timestamp !== undefined && { timestamp }),
    type: typeFrom([
      fields.type,
      at(fields, "event.dataset"),
      at(fields, "data_stream.dataset"),
      action.index,
    ]),
    message: messageFrom([message, typeof fields.log === "string" ? fields.log : undefined, fields.msg]),
    ...sourceFrom([
      at(fields, "service.name"),
      fields.source,
      at(fields, "host.name"),
      fields.host,
      at(fields, "agent.name"),
    ]),
    ...levelFrom([at(fields, "log.level"), fields.level, fields.severity]),
    ...(action.id !== null && { id: action.id }),
    attributes,
  };
}

function parse(line: Uint8Array | null): { readonly fields: Document } | Refusal {
  if (line === null || !isUtf8(line)) return { code: "BAD_JSON", message: "the document is not valid UTF-8" };
  if (line.length > EVENT_BYTES_MAX)
    return { code: "EVENT_TOO_LARGE", message: `a document may have ${EVENT_BYTES_MAX} bytes` };
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line).toString());
  } catch {
    return { code: "BAD_JSON", message: "the document is not JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { code: "BAD_JSON", message: "the document must be a JSON object" };
  return { fields: value as Document };
}

/** `log.level` as `{"log": {"level": …}}` or `{"log.level": …}`. */
function at(document: Document, path: string): unknown {
  if (Object.hasOwn(document, path)) return document[path];
  let value: unknown = document;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}

const WITHOUT_OFFSET = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?$/;

/** A time without an offset is UTC, as for Elasticsearch. What is none is left to be refused. */
function timestampOf(value: unknown): string | number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  if (/^\d{12,13}$/.test(value)) return Number(value);
  return WITHOUT_OFFSET.test(value) ? `${value}Z` : value;
}
