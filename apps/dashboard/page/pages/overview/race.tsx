import type { OverviewCounts, WholeOverview } from "@millrace/protocol/overview";
import type { ComponentChildren } from "preact";
import { Link } from "../../parts/link.tsx";
import { countWords, rateWords } from "../../parts/words.ts";

/** How work flows: in on the left, out on the right. */
export function Race({ numbers: { counts, rates, workers } }: { readonly numbers: WholeOverview }) {
  const slots = workers
    .filter(({ status }) => status === "active")
    .reduce((sum, worker) => sum + worker.max_concurrent_tasks, 0);
  return (
    <ol class="race" aria-label="Tasks, from coming in to their end">
      <li>
        <span class="name">Coming in</span>
        <span class="figure">
          {rateWords(rates.submitted_per_s)} <small>/s</small>
        </span>
        <span class="about">mean of the last minute</span>
      </li>
      <Stage name="Pending" figure={counts.pending} isCapped={counts.is_capped} to="/tasks?status=pending">
        {pendingWords(counts)}
      </Stage>
      <Stage name="Running" figure={counts.running} to="/tasks?status=running" tone="busy">
        of {countWords(slots)} slots
        <progress class="busy" max={Math.max(1, slots)} value={counts.running} aria-label="Slots in use" />
      </Stage>
      <Stage name="Completed, 1 h" figure={counts.completed_1h} to="/tasks?status=completed" tone="good">
        {rateWords(rates.completed_per_s)} /s
      </Stage>
      <Stage
        name="Dead letters"
        figure={counts.dead_letters}
        isCapped={counts.dead_letters_capped}
        to="/dead-letters"
        {...(counts.dead_letters > 0 && { tone: "bad" })}
      >
        {countWords(counts.failed_1h)} failed for good in 1 h
      </Stage>
    </ol>
  );
}

function pendingWords(counts: OverviewCounts): string {
  const parts = [
    [counts.queued, "queued"],
    [counts.retry_wait, "wait to retry"],
    [counts.scheduled, "scheduled"],
    [counts.waiting, "wait for parents"],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, what]) => `${countWords(count)} ${what}`);
  return words.length === 0 ? "nothing waits" : words.join(", ");
}

interface StageProps {
  readonly name: string;
  readonly figure: number;
  readonly to: string;
  readonly tone?: string;
  readonly isCapped?: boolean;
  readonly children?: ComponentChildren;
}

export function Stage({ name, figure, to, tone = "", isCapped = false, children }: StageProps) {
  return (
    <li>
      <span class="name">
        <Link to={to}>{name}</Link>
      </span>
      <span class={`figure ${figure > 0 ? tone : ""}`}>
        {countWords(figure)}
        {isCapped && <small> or more</small>}
      </span>
      <span class="about">{children}</span>
    </li>
  );
}
