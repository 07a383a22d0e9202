import type { ComponentChildren } from "preact";
import { toneOf } from "../../parts/badge.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Panel } from "../../parts/panel.tsx";
import { durationWords } from "../../parts/words.ts";
import type { Attempt, Task } from "../../wire/shapes.ts";

interface TimelineProps {
  readonly task: Task;
  readonly attempts: readonly Attempt[];
}

const DEEDS: Readonly<Record<Attempt["status"], string>> = {
  running: "is running",
  completed: "completed",
  failed: "failed",
  dead: "failed for good",
  cancelled: "was cancelled",
  lost: "was lost with its worker",
  returned: "was given back",
};

/** What happened to it, first to last. */
export function Timeline({ task, attempts }: TimelineProps) {
  return (
    <Panel title="What happened">
      <ol class="life">
        <Step tone="idle" at={task.created_at}>
          <strong>Submitted</strong>
          {task.run_at !== null && (
            <span class="soft">
              to run at <Moment at={task.run_at} />
            </span>
          )}
        </Step>
        {attempts.map((attempt) => (
          <AttemptStep key={attempt.attempt} attempt={attempt} />
        ))}
        {task.next_attempt_at !== null && (
          <Step tone="idle" at={task.next_attempt_at}>
            <strong>Next attempt</strong>
            <span class="soft">
              <Moment at={task.next_attempt_at} isRelative />
            </span>
          </Step>
        )}
      </ol>
    </Panel>
  );
}

function AttemptStep({ attempt }: { readonly attempt: Attempt }) {
  const { started_at: started, ended_at: ended, worker_id: worker, error, log } = attempt;
  const tookMs = started === null || ended === null ? null : Date.parse(ended) - Date.parse(started);
  return (
    <Step tone={toneOf(attempt.status)} at={ended ?? started}>
      <strong>
        {started === null ? "It" : `Attempt ${attempt.attempt}`} {DEEDS[attempt.status]}
      </strong>
      {tookMs !== null && <span class="soft">after {durationWords(tookMs)}</span>}
      {worker !== null && <span class="soft mono">{worker}</span>}
      {error !== null && (
        <span class="error">
          {error.code}: {error.message}
        </span>
      )}
      {log !== null && (
        <pre class="json" tabIndex={0} role="region" aria-label={`Log of attempt ${attempt.attempt}`}>
          {log}
        </pre>
      )}
    </Step>
  );
}

interface StepProps {
  readonly tone: string;
  readonly at: string | null;
  readonly children: ComponentChildren;
}

function Step({ tone, at, children }: StepProps) {
  return (
    <li class={tone}>
      <div class="what">
        {children}
        <span class="when">
          <Moment at={at} />
        </span>
      </div>
    </li>
  );
}
