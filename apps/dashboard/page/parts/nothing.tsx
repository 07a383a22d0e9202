import type { ComponentChildren } from "preact";
import type { Loaded } from "../state/load.ts";
import { wordsOf } from "../state/notices.ts";
import { ApiFailure } from "../wire/problem.ts";

interface NothingProps {
  readonly title: string;
  /** What to do about it. */
  readonly children?: ComponentChildren;
}

export function Nothing({ title, children }: NothingProps) {
  return (
    <div class="nothing">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

interface FailureProps {
  readonly error: unknown;
  readonly retry?: () => void;
}

/** What went wrong, what to do, and the id under which the logs know it. */
export function Failure({ error, retry }: FailureProps) {
  const problem = error instanceof ApiFailure ? error.problem : undefined;
  return (
    <div class="nothing" role="alert">
      <strong>{adviceFor(problem?.status)}</strong>
      <span>{wordsOf(error)}</span>
      {problem?.correlationId != null && (
        <span class="small">
          In the logs: <code>{problem.correlationId}</code>
        </span>
      )}
      {retry !== undefined && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function adviceFor(status: number | undefined): string {
  if (status === 403) return "Your role does not allow this. Ask an administrator.";
  if (status === 404) return "It is not there: it may have been deleted, or its days are over.";
  if (status === 0) return "No answer.";
  if (status === 422 || status === 400) return "The request was not understood. Change the filter.";
  return "This could not be loaded.";
}

interface ShownProps<T> {
  readonly loaded: Loaded<T>;
  readonly children: (value: T) => ComponentChildren;
}

/** What was loaded; until then a quiet word, and after a failure what to do. */
export function Shown<T>({ loaded, children }: ShownProps<T>) {
  const { value } = loaded;
  const failure = loaded.state === "failed" && <Failure error={loaded.error} retry={loaded.reload} />;
  if (value !== undefined)
    return (
      <>
        {failure}
        {children(value)}
      </>
    );
  if (failure !== false) return failure;
  return (
    <p class="nothing" aria-busy="true">
      Loading …
    </p>
  );
}
