/** What the API answers when it refuses (RFC 9457), or what stands in for it when there was no answer. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  readonly correlationId: string | null;
}

export class ApiFailure extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail === "" ? problem.title : problem.detail);
    this.problem = problem;
  }
}

export function isFailure(error: unknown, ...statuses: readonly number[]): error is ApiFailure {
  return error instanceof ApiFailure && statuses.includes(error.problem.status);
}

const AWAY: Problem = {
  ...{ status: 0, code: "UNREACHABLE", title: "The API cannot be reached" },
  ...{
    detail: "The API cannot be reached. It may be restarting; this page tries again.",
    errors: [],
    correlationId: null,
  },
};

export function unreachable(): ApiFailure {
  return new ApiFailure(AWAY);
}

interface ProblemWords {
  readonly code?: unknown;
  readonly title?: unknown;
  readonly detail?: unknown;
  readonly errors?: unknown;
}

/** Reads a refusal. Never rejects: a proxy may answer with anything. */
export async function readProblem(response: Response): Promise<ApiFailure> {
  const { status } = response;
  const body: unknown = await response.json().catch(() => null);
  const words: ProblemWords = typeof body === "object" && body !== null ? body : {};
  return new ApiFailure({
    status,
    code: text(words.code, `HTTP_${status}`),
    title: text(words.title, `The server answered ${status}`),
    detail: text(words.detail, ""),
    errors: Array.isArray(words.errors) ? words.errors : [],
    correlationId: response.headers.get("X-Correlation-Id"),
  });
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
