import { FAULTS, type FaultCode } from "@millrace/core";
import type { TSchema } from "elysia";

export interface Documentation {
  /** A few words, as in a table of contents. */
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** Status → what the body is then. No schema: no body. */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema?: TSchema }>>;
  /** Codes that callers of this route should expect, beside those that every route has. */
  readonly faults?: readonly FaultCode[];
  /** True for routes that need no identity. */
  readonly isOpen?: boolean;
  /** The body's content type, when it is not JSON. */
  readonly bodyType?: string;
  /** The fields of a form, for a route that reads it by hand. */
  readonly form?: TSchema;
}

/** Any route may answer with these. */
const EVERYWHERE: readonly FaultCode[] = ["BAD_REQUEST", "INTERNAL", "OVERLOADED", "STORE_UNAVAILABLE"];
const GUARDED: readonly FaultCode[] = ["UNAUTHENTICATED", "TOKEN_EXPIRED", "FORBIDDEN", "TOO_MANY_REQUESTS"];

/**
 * A route's `detail` for the OpenAPI document. Responses are described here and not by Elysia's `response` option:
 * that one validates every response at run time, and a mismatch would turn a finished request into an error.
 */
export function documented(documentation: Documentation) {
  const { summary, description, tag, answers, form, faults = [], isOpen = false } = documentation;
  const codes = new Set([...faults, ...EVERYWHERE, ...(isOpen ? [] : GUARDED)]);
  return {
    summary,
    ...(description !== undefined && { description }),
    tags: [tag],
    ...(form !== undefined && { requestBody: formBody(form) }),
    security: isOpen ? [] : [{ bearer: [] }, { apiKey: [] }],
    responses: {
      ...problemsByStatus(codes),
      ...Object.fromEntries(Object.entries(answers).map(describeAnswer)),
    },
  };
}

function formBody(schema: TSchema) {
  return { required: true, content: Object.fromEntries([["multipart/form-data", { schema }]]) };
}

function describeAnswer([status, answer]: readonly [string, Documentation["answers"][number]]) {
  const { description, schema } = answer;
  const content = schema === undefined ? {} : { content: { "application/json": { schema } } };
  return [status, { description, ...content }] as const;
}

function problemsByStatus(codes: ReadonlySet<FaultCode>) {
  const byStatus = new Map<number, FaultCode[]>();
  for (const code of codes) {
    const { status } = FAULTS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, named]) => [
      status,
      {
        description: named.map((code) => `\`${code}\`: ${FAULTS[code].title}`).join(". "),
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    ]),
  );
}
