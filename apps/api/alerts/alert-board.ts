import type { AlertRecord } from "@millrace/protocol/alerts";
import type { AlertView } from "@millrace/protocol/overview";

/** What people see of an alert; also after it was resolved, for a while. */
export interface AlertListing extends AlertView {
  readonly resolved_at: string | null;
}

/** Where the api knows alerts from: the book that the schedulers write, and its own look at what they cannot tell. */
export interface AlertSources {
  readonly written: () => readonly AlertRecord[];
  /** Seen by this process, and not written anywhere while NATS is away. */
  readonly unwritten: () => readonly AlertRecord[];
  readonly wallMs: () => number;
}

/** Resolved alerts stay on the dashboard for so long; GET /api/alerts has a day of them. */
const SHOWN_MS = 15 * 60_000;
const LISTED_MAX = 500;

export class AlertBoard {
  readonly #sources: AlertSources;

  constructor(sources: AlertSources) {
    this.#sources = sources;
  }

  /** Those that fire first, the worst and the newest of them first; then the resolved ones, the latest first. */
  list(): readonly AlertListing[] {
    const { written, unwritten } = this.#sources;
    const records = new Map([...written(), ...unwritten()].map((record) => [record.id, record]));
    return [...records.values()].toSorted(byImportance).slice(0, LISTED_MAX).map(listingOf);
  }

  /** For the dashboard: what fires, and what was resolved a moment ago. */
  shown(): readonly AlertView[] {
    const since = this.#sources.wallMs() - SHOWN_MS;
    return this.list()
      .filter(({ resolved_at: at }) => at === null || Date.parse(at) >= since)
      .map(({ resolved_at: _, ...view }) => view);
  }
}

const SEVERITIES = ["critical", "warning"];

function byImportance(a: AlertRecord, b: AlertRecord): number {
  if (a.state !== b.state) return a.state === "firing" ? -1 : 1;
  if (a.state === "resolved")
    return Date.parse(b.resolved_at ?? b.since) - Date.parse(a.resolved_at ?? a.since);
  const severity = SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
  return severity === 0 ? Date.parse(b.since) - Date.parse(a.since) : severity;
}

function listingOf({
  id,
  rule,
  severity,
  state,
  since,
  resolved_at,
  summary,
  value,
  threshold,
  labels,
}: AlertRecord): AlertListing {
  return { id, rule, severity, state, since, resolved_at, summary, value, threshold, labels };
}
