import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { otlpFailure, otlpResponse, readOtlpForm, takeLogs } from "../events/otlp/take-logs.ts";
import { guarded } from "../http/access.ts";
import { faultOf } from "../http/fault-of.ts";
import { scopeOf } from "../http/request-scope.ts";
import type { Ports } from "../ports.ts";

const ExportLogsServiceResponse = t.Object({
  partialSuccess: t.Optional(
    t.Object({
      rejectedLogRecords: t.String({ description: "A 64-bit integer." }),
      errorMessage: t.String(),
    }),
  ),
});

/** OTLP/HTTP for logs, at the path that exporters have as their default. */
export function otlpRoutes(ports: Ports) {
  return new Elysia({ name: "otlp" }).use(guarded).post(
    "/v1/logs",
    async ({ request, identity, correlationId, span }) => {
      const form = readOtlpForm(request.headers);
      try {
        return otlpResponse(form, await takeLogs(ports, { request, identity, correlationId, span }, form));
      } catch (error) {
        const fault = faultOf(error, request.url);
        scopeOf(request).failure = fault;
        return otlpFailure(form, fault);
      }
    },
    {
      scope: "events:write",
      parse: "none",
      detail: documented({
        summary: "Send logs as OTLP/HTTP",
        description:
          "ExportLogsServiceRequest in protobuf (application/x-protobuf) or JSON, also packed with gzip or zstd. Errors are a google.rpc.Status in the form of the request, as OTLP wants them.",
        tag: "Events",
        answers: {
          200: {
            description: "Taken; `partialSuccess` counts the log records that were refused.",
            schema: ExportLogsServiceResponse,
          },
        },
      }),
    },
  );
}
