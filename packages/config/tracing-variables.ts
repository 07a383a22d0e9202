import { choice, list, share, text, url } from "./kinds.ts";

/** RFC 9110 names; values are percent-encoded, as in W3C Baggage. */
const HEADER = /^[!#$%&'*+.^_`|~0-9a-z-]{1,128}\s*=\s*[\x21-\x2b\x2d-\x7e]{0,4096}$/i;

function isHeaderPair(given: string): boolean {
  try {
    return HEADER.test(given) && !/[\r\n\0]/.test(decodeURIComponent(given));
  } catch {
    return false;
  }
}

/** By the names that OpenTelemetry gives them. @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
export const tracing = {
  otlpEndpoint: url({
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    about:
      "The OTLP/HTTP collector that gets traces, at /v1/traces below it; with neither endpoint nothing is traced.",
    default: undefined,
    defaultText: "(no traces)",
    schemes: ["http", "https"],
    isSecret: true,
  }),
  otlpTracesEndpoint: url({
    name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    about: "The whole URL for traces, in place of OTEL_EXPORTER_OTLP_ENDPOINT.",
    default: undefined,
    defaultText: "(OTEL_EXPORTER_OTLP_ENDPOINT decides)",
    schemes: ["http", "https"],
    isSecret: true,
  }),
  otlpHeaders: list({
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    about: "Headers for the collector, such as its API key.",
    default: [],
    expects: "name=value with percent escapes in the value",
    itemsMax: 20,
    isItem: isHeaderPair,
    isSecret: true,
  }),
  otelServiceName: text({
    name: "OTEL_SERVICE_NAME",
    about: "What traces call this process.",
    default: undefined,
    defaultText: "(millrace-api, millrace-worker and so on)",
    expects: "1 to 255 printable characters",
    isValid: (given) => /^[\x20-\x7e]{1,255}$/.test(given),
  }),
  tracesSampler: choice({
    name: "OTEL_TRACES_SAMPLER",
    about: "Which traces are recorded; parentbased: those that the caller records, too.",
    default: "parentbased_traceidratio",
    choices: [
      "always_on",
      "always_off",
      "traceidratio",
      "parentbased_always_on",
      "parentbased_always_off",
      "parentbased_traceidratio",
    ],
  }),
  tracesSamplerArg: share({
    name: "OTEL_TRACES_SAMPLER_ARG",
    about: "Which part of the traces the samplers by ratio record.",
    default: 1,
  }),
};
