import { Fault } from "@millrace/core";
import { BODY_BYTES_MAX, EVENT_BYTES_MAX, EVENTS_RECORDS_MAX } from "@millrace/core/limits";
import { parseJson } from "../../http/json-body.ts";
import type { BuiltEvent } from "../fields.ts";
import type { Refusal } from "../judge-record.ts";
import { isFields, listOf } from "./any-value.ts";
import { eventOfRecord, type Group, readGroup } from "./event-of-record.ts";
import { decodeLogRecord, decodeResource, decodeScope, subMessages } from "./wire.ts";

/** Field numbers of the three levels: resource_logs; resource and scope_logs; scope and log_records. */
const RESOURCE_LOGS = 1;
const [SHARED, MEMBERS] = [1, 2];

/**
 * The records of an ExportLogsServiceRequest in protobuf. The levels are walked before anything is taken, so that a
 * body that is cut is refused as a whole; records are decoded one at a time, and one that is broken costs only itself.
 * @throws Fault BAD_REQUEST, BODY_TOO_LARGE
 */
export function readProtobufLogs(body: Uint8Array): Iterable<BuiltEvent | Refusal> {
  let records = 0;
  try {
    for (const logs of subMessages(body, RESOURCE_LOGS))
      for (const scopeLogs of subMessages(logs, MEMBERS))
        for (const _ of subMessages(scopeLogs, MEMBERS)) {
          records += 1;
          requireRecords(records);
        }
  } catch (error) {
    throw error instanceof Fault ? error : noProtobuf(error);
  }
  return walkProtobuf(body);
}

function* walkProtobuf(body: Uint8Array): Generator<BuiltEvent | Refusal> {
  for (const logs of subMessages(body, RESOURCE_LOGS)) {
    const resource = decodeShared(logs, decodeResource);
    for (const scopeLogs of subMessages(logs, MEMBERS)) {
      const group = readGroup(resource, decodeShared(scopeLogs, decodeScope));
      for (const record of subMessages(scopeLogs, MEMBERS)) yield decodeRecord(record, group);
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** What a group shares may stand before its members or after them. One that is too large or broken is left out. */
function decodeShared(group: Uint8Array, decode: (bytes: Uint8Array) => Fields): Fields {
  const shared = [...subMessages(group, SHARED)].at(-1);
  if (shared === undefined || shared.length > EVENT_BYTES_MAX) return {};
  try {
    return decode(shared);
  } catch {
    return {};
  }
}

function decodeRecord(bytes: Uint8Array, group: Group | Refusal): BuiltEvent | Refusal {
  if (bytes.length > EVENT_BYTES_MAX)
    return { code: "EVENT_TOO_LARGE", message: `a record may have ${EVENT_BYTES_MAX} bytes` };
  let record: Fields;
  try {
    record = decodeLogRecord(bytes);
  } catch {
    return { code: "VALIDATION_FAILED", message: "the log record is no protobuf, or nested too deeply" };
  }
  return eventOfRecord(record, group);
}

/** The same in OTLP's JSON. Throws Fault BAD_JSON, BODY_TOO_LARGE. */
export function readJsonLogs(body: Uint8Array): Iterable<BuiltEvent | Refusal> {
  if (body.length > BODY_BYTES_MAX)
    throw new Fault("BODY_TOO_LARGE", `as JSON, a request may unpack to ${BODY_BYTES_MAX} bytes`);
  const request = parseLenient(body);
  if (!isFields(request)) throw new Fault("BAD_JSON", "the body must be an ExportLogsServiceRequest");
  let records = 0;
  for (const { members } of groupsOf(request)) {
    records += members.length;
    requireRecords(records);
  }
  return walkJson(request);
}

function* walkJson(request: Fields): Generator<BuiltEvent | Refusal> {
  for (const { resource, scope, members } of groupsOf(request)) {
    const group = readGroup(resource, scope);
    for (const record of members)
      yield isFields(record)
        ? eventOfRecord(record, group)
        : { code: "VALIDATION_FAILED", message: "the log record must be an object" };
  }
}

function* groupsOf(request: Fields) {
  for (const logs of listOf(request.resourceLogs).filter(isFields))
    for (const scopeLogs of listOf(logs.scopeLogs).filter(isFields))
      yield {
        resource: isFields(logs.resource) ? logs.resource : {},
        scope: isFields(scopeLogs.scope) ? scopeLogs.scope : {},
        members: listOf(scopeLogs.logRecords),
      };
}

function parseLenient(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return parseJson(body); // Says what is wrong, and where.
  }
}

function requireRecords(records: number): void {
  if (records > EVENTS_RECORDS_MAX)
    throw new Fault("BODY_TOO_LARGE", `a request may have ${EVENTS_RECORDS_MAX} log records at most`);
}

function noProtobuf(cause: unknown): Fault {
  return new Fault("BAD_REQUEST", "the body is no ExportLogsServiceRequest in protobuf", { cause });
}
