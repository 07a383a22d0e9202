import type { CheckState, Readiness } from "@millrace/observe";
import type { PartReport } from "@millrace/protocol";
import type { EventFlow, PartView } from "@millrace/protocol/overview";

/** Processes that the product consists of: one that never answered is down as well. */
const EXPECTED = ["api", "recorder", "scheduler", "worker"];
/** Longer without an answer, and it is down. Asked every second; a busy process may miss one. */
const SILENT_MS_MAX = 3_500;
/** An instance that was replaced is forgotten after this. */
const FORGOTTEN_MS = 60_000;
/** Rates are means over about so long. */
const RATE_MS = 5_000;

interface Heard {
  readonly report: PartReport;
  readonly atMs: number;
}

interface Sample {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
}

/** Who answered when, and what they counted. */
export class Parts {
  readonly #heard = new Map<string, Heard>();
  readonly #nowMs: () => number;
  #accepted: readonly Sample[] = [];
  #stored: readonly Sample[] = [];
  #askedSinceMs: number | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Before the first question: silence counts from now on. */
  begin(): void {
    this.#askedSinceMs = this.#nowMs();
    this.#accepted = [];
    this.#stored = [];
  }

  hear(reports: readonly PartReport[]): void {
    const atMs = this.#nowMs();
    for (const report of reports) this.#heard.set(`${report.name} ${report.instance}`, { report, atMs });
    for (const [key, heard] of this.#heard) if (atMs - heard.atMs > FORGOTTEN_MS) this.#heard.delete(key);
    this.#accepted = sampled(this.#accepted, { atMs, values: valuesOf(reports, ["events_accepted"]) });
    const recorded = ["stored", "deduplicated", "rejected"];
    this.#stored = sampled(this.#stored, { atMs, values: valuesOf(reports, recorded) });
  }

  /** Null for whoever never answered: workers elsewhere that speak HTTP are not asked. */
  isAnswering(instance: string): boolean | null {
    const heard = this.#heard.get(`worker ${instance}`);
    return heard === undefined ? null : this.#isFresh(heard);
  }

  /** What a worker said last that it runs: fresher than its heartbeat. Null when it is not asked, or silent. */
  currentTasksOf(instance: string): readonly string[] | null {
    const heard = this.#heard.get(`worker ${instance}`);
    if (heard === undefined || !this.#isFresh(heard)) return null;
    const { current_tasks: told } = heard.report.details ?? {};
    return Array.isArray(told) ? told.filter((id) => typeof id === "string") : null;
  }

  events(): EventFlow {
    const lags = this.#fresh("recorder").map(({ details }) => details ?? {});
    const largest = (field: string): number | null => {
      const values = lags.map((lag) => lag[field]).filter((value) => typeof value === "number");
      return values.length === 0 ? null : Math.max(...values);
    };
    return {
      accepted_per_s: rateOf(this.#accepted),
      stored_per_s: rateOf(this.#stored),
      lag_messages: largest("lag_messages"),
      lag_events: largest("lag_events"),
      lag_seconds: largest("lag_seconds"),
    };
  }

  /** @param readiness of this process: the servers that it needs are parts, too. */
  view({ checks }: Readiness): readonly PartView[] {
    const servers = Object.entries(checks).map(([name, state]) => serverView(name, state));
    const isBusAway = checks.nats?.status === "down";
    return [...EXPECTED.map((name) => this.#serviceView(name, isBusAway)), ...servers];
  }

  #serviceView(name: string, isBusAway: boolean): PartView {
    const reports = this.#fresh(name);
    const [first] = reports;
    const best = reports.find(({ status }) => status === "ready") ?? first;
    const part = { name, instances: reports.length, checks: best?.checks ?? {} };
    if (best?.status === "ready") return { ...part, status: "up", reason: null };
    if (best !== undefined) return { ...part, status: "degraded", reason: lackOf(best) };
    if (isBusAway) return { ...part, status: "unknown", reason: "NATS is away, so it cannot be asked" };
    const isTooSoon = this.#nowMs() - (this.#askedSinceMs ?? this.#nowMs()) < SILENT_MS_MAX;
    if (isTooSoon) return { ...part, status: "unknown", reason: "it was asked just now" };
    return { ...part, status: "down", reason: "no process answers" };
  }

  #fresh(name: string): readonly PartReport[] {
    return [...this.#heard.values()]
      .filter((heard) => heard.report.name === name && this.#isFresh(heard))
      .map(({ report }) => report);
  }

  #isFresh({ atMs }: Heard): boolean {
    return this.#nowMs() - atMs <= SILENT_MS_MAX;
  }
}

function serverView(name: string, state: CheckState): PartView {
  const reason = state.status === "down" ? state.reason : null;
  return { name, status: state.status, reason, instances: state.status === "up" ? 1 : 0, checks: {} };
}

function lackOf({ checks }: PartReport): string {
  const down = Object.entries(checks).filter(([, { status }]) => status === "down");
  return down.map(([name, { reason = "down" }]) => `${name}: ${reason}`).join("; ") || "it is not ready";
}

function valuesOf(reports: readonly PartReport[], fields: readonly string[]): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const { name, instance, details = {} } of reports) {
    const numbers = fields.map((field) => details[field]).filter((value) => typeof value === "number");
    if (numbers.length > 0)
      values.set(
        `${name} ${instance}`,
        numbers.reduce((sum, value) => sum + value, 0),
      );
  }
  return values;
}

function sampled(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  if (sample.values.size === 0) return samples;
  return [...samples.filter(({ atMs }) => sample.atMs - atMs <= RATE_MS), sample];
}

/** How fast the counts grew; a process that started meanwhile counts from its second sample. */
function rateOf(samples: readonly Sample[]): number | null {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return null;
  let growth = 0;
  for (const [instance, value] of last.values)
    growth += Math.max(0, value - (first.values.get(instance) ?? value));
  return Math.round((growth / (last.atMs - first.atMs)) * 10_000) / 10;
}
