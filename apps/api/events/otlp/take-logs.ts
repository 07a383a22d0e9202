import { Fault } from "@millrace/core";
import { readWhole } from "../read-lines.ts";
import { takeBuilt } from "../take-built.ts";
import { type Arrival, type EventPorts, hold, senderOf } from "../take-events.ts";
import { readPacking } from "../unpack.ts";
import { readJsonLogs, readProtobufLogs } from "./read-logs.ts";
import { encodeResponse, encodeStatus, type PartialSuccess } from "./wire.ts";

export type OtlpForm = "protobuf" | "json";

const TYPES: Readonly<Record<OtlpForm, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

/** Throws UNSUPPORTED_MEDIA_TYPE. */
export function readOtlpForm(headers: Headers): OtlpForm {
  const type = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type === TYPES.protobuf) return "protobuf";
  if (type === TYPES.json) return "json";
  throw new Fault("UNSUPPORTED_MEDIA_TYPE", `send ${TYPES.protobuf} or ${TYPES.json}`);
}

/**
 * Takes an ExportLogsServiceRequest in.
 * @returns undefined when all of it was taken. Throws when a part was not because of us: the exporter sends the whole
 * request again, and what was taken before comes twice, since OTLP cannot say that less is to be repeated.
 */
export async function takeLogs(
  ports: EventPorts,
  arrival: Arrival,
  form: OtlpForm,
): Promise<PartialSuccess | undefined> {
  const { request } = arrival;
  const sender = senderOf(ports, arrival, "otlp");
  return await hold(ports, async (reservation) => {
    const body = await readWhole({ request, packing: readPacking(request.headers), reservation });
    reservation.add(body.length); // The lines that are made of it.
    const records = form === "protobuf" ? readProtobufLogs(body) : readJsonLogs(body);
    const { rejections, failure } = await takeBuilt(ports, sender, records);
    if (failure !== undefined) throw failure;
    const [first] = rejections;
    if (first === undefined) return undefined;
    const errorMessage = `the first, at ${first.index}: ${first.code}, ${first.message}`;
    return { rejectedLogRecords: rejections.length, errorMessage };
  });
}

export function otlpResponse(form: OtlpForm, partialSuccess: PartialSuccess | undefined): Response {
  if (form === "protobuf") return binary(encodeResponse(partialSuccess), 200);
  // In JSON, 64-bit integers are text.
  const { rejectedLogRecords, errorMessage } = partialSuccess ?? {};
  return Response.json(
    partialSuccess === undefined
      ? {}
      : { partialSuccess: { rejectedLogRecords: String(rejectedLogRecords), errorMessage } },
  );
}

/** gRPC's codes for what HTTP says by its status. */
const GRPC_CODES: Readonly<Record<number, number>> = {
  401: 16,
  403: 7,
  404: 5,
  409: 6,
  429: 8,
  500: 13,
  503: 14,
};
const INVALID_ARGUMENT = 3;

/** An error as OTLP wants it: a Status in the form of the request. */
export function otlpFailure(form: OtlpForm, fault: Fault): Response {
  const code = GRPC_CODES[fault.status] ?? INVALID_ARGUMENT;
  const message = fault.code === "INTERNAL" ? "INTERNAL" : `${fault.code}: ${fault.message}`;
  const response =
    form === "protobuf"
      ? binary(encodeStatus({ code, message }), fault.status)
      : Response.json({ code, message }, { status: fault.status });
  if (fault.retryAfterS !== undefined)
    response.headers.set("Retry-After", String(Math.max(1, Math.ceil(fault.retryAfterS))));
  return response;
}

function binary(bytes: Uint8Array, status: number): Response {
  return new Response(new Uint8Array(bytes), { status, headers: { "Content-Type": TYPES.protobuf } });
}
