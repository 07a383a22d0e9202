import { FAULTS, type Fault, type FaultCode } from "@millrace/core";
import { CORRELATION_HEADER } from "@millrace/observe";

const JSON_PROBLEM = "application/problem+json";

/** RFC 9457. `type` leads to the explanation of the code; `errors` stands only where single fields are at fault. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly correlation_id: string;
  /** Events only: the bound that was met, and the records that were taken before. */
  readonly limit?: { readonly name: string; readonly bytes: number };
  readonly taken?: {
    readonly accepted: number;
    readonly next_index: number;
    readonly receipt: string | null;
  };
}

/** The only place where a fault becomes HTTP. */
export function problemResponse(fault: Fault, correlationId: string): Response {
  const { title, status } = FAULTS[fault.code];
  const problem: Problem = {
    type: `/problems#${fault.code}`,
    title,
    status,
    code: fault.code,
    detail:
      fault.code === "INTERNAL"
        ? "Something failed that should not; the log has it by the correlation id."
        : fault.message,
    ...(fault.errors.length > 0 && { errors: fault.errors.map(({ path, message }) => ({ path, message })) }),
    correlation_id: correlationId,
    ...fault.members,
  };
  const headers = new Headers({ "Content-Type": JSON_PROBLEM, [CORRELATION_HEADER]: correlationId });
  if (fault.retryAfterS !== undefined)
    headers.set("Retry-After", String(Math.max(1, Math.ceil(fault.retryAfterS))));
  if (status === 401) headers.set("WWW-Authenticate", challenge(fault.code));
  return new Response(JSON.stringify(problem), { status, headers });
}

/** RFC 6750, section 3. */
function challenge(code: FaultCode): string {
  const realm = 'Bearer realm="millrace"';
  return code === "TOKEN_EXPIRED" ? `${realm}, error="invalid_token"` : realm;
}
