import { EVENT_DEPTH_MAX } from "@millrace/core/limits";
import { type BuiltEvent, levelFrom, messageFrom, sourceFrom, typeFrom } from "../fields.ts";
import type { Refusal } from "../judge-record.ts";
import { attributesOf, plainValue, TooDeep } from "./any-value.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What the records of one resource and scope share, made once for all of them. */
export interface Group {
  readonly source: { readonly source?: string };
  /** `resource` and `scope`, as far as they say something. */
  readonly attributes: Fields;
}

export function readGroup(resource: Fields, scope: Fields): Group | Refusal {
  return orTooDeep(() => {
    const attributes = attributesOf(resource.attributes);
    const source = sourceFrom([attributes["service.name"], attributes["host.name"]]);
    const isSilent = Object.keys(attributes).length === 0;
    return { source, attributes: { ...(!isSilent && { resource: attributes }), ...scopeField(scope) } };
  });
}

/**
 * What an OTLP log record is as an event. Its own attributes stand flat; trace and span by the names that OpenTelemetry
 * gives them in logs; what the group shares, under `resource` and `scope`.
 */
export function eventOfRecord(record: Fields, group: Group | Refusal): BuiltEvent | Refusal {
  return "code" in group ? group : orTooDeep(() => build(record, group));
}

function orTooDeep<T>(make: () => T): T | Refusal {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    return { code: "EVENT_TOO_DEEP", message: `a record may have ${EVENT_DEPTH_MAX} levels of nesting` };
  }
}

function build(record: Fields, group: Group): BuiltEvent {
  const own = attributesOf(record.attributes);
  const timestamp = timestampOf(record.timeUnixNano) ?? timestampOf(record.observedTimeUnixNano);
  const severity = Number(record.severityNumber ?? 0);
  return {
    ...(timestamp !== undefined && { timestamp }),
    type: typeFrom([record.eventName, own["event.name"]]),
    message: messageFrom([plainValue(record.body)]),
    ...group.source,
    ...levelFrom([levelOf(severity), record.severityText]),
    attributes: {
      ...own,
      ...hexField("trace_id", record.traceId),
      ...hexField("span_id", record.spanId),
      ...(severity > 0 && { severity_number: severity }),
      ...group.attributes,
    },
  };
}

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

/** The range of a severity number: 1 to 4 is trace, 21 to 24 fatal. */
function levelOf(severity: number): string | undefined {
  return LEVELS[Math.floor((severity - 1) / 4)];
}

const NANOS_PER_MS = 1_000_000n;

/** RFC 3339 with all nine digits. Zero and what is no number are unknown; what no date can say is left to be refused. */
function timestampOf(nanos: unknown): string | number | undefined {
  if (typeof nanos !== "string" && typeof nanos !== "number") return undefined;
  const text = String(nanos);
  if (!/^\d{1,20}$/.test(text) || /^0+$/.test(text)) return undefined;
  const all = BigInt(text);
  const ms = Number(all / NANOS_PER_MS);
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return ms;
  const below = (all % NANOS_PER_MS).toString().padStart(6, "0");
  return date.toISOString().replace("Z", `${below}Z`);
}

/** Bytes in protobuf, hex in OTLP's JSON. All zeros means none. */
function hexField(name: string, id: unknown): Fields {
  const hex = id instanceof Uint8Array ? Buffer.from(id).toString("hex") : id;
  if (typeof hex !== "string" || /^0*$/.test(hex)) return {};
  return { [name]: hex.toLowerCase() };
}

function scopeField(scope: Fields): Fields {
  const { name, version, attributes } = scope;
  const own = attributesOf(attributes);
  const said = {
    ...(isText(name) && { name }),
    ...(isText(version) && { version }),
    ...(Object.keys(own).length > 0 && { attributes: own }),
  };
  return Object.keys(said).length > 0 ? { scope: said } : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
