import { ALERTS_MAX } from "../limits.ts";
import type { AlertName, AlertRule } from "./rules.ts";

export type AlertLabels = Readonly<Record<string, string>>;

/** What was measured of one thing. */
export interface Reading {
  readonly rule: AlertName;
  /** Which one; none when there is but one. */
  readonly labels: AlertLabels;
  readonly value: number;
}

export interface FiringAlert {
  readonly id: string;
  readonly rule: AlertName;
  readonly severity: "warning" | "critical";
  readonly labels: AlertLabels;
  /** When it fired, in epoch ms. */
  readonly sinceMs: number;
  readonly value: number;
  readonly threshold: number;
  readonly summary: string;
}

export interface AlertChange {
  readonly kind: "fire" | "resolve";
  readonly alert: FiringAlert;
}

export interface Round {
  readonly readings: readonly Reading[];
  /** Whether it was measured at all in this round. What was not, stays as it is; what was, and has no reading, is well. */
  readonly isMeasured: (rule: AlertName, labels: AlertLabels) => boolean;
  /** Epoch ms, of a clock that does not jump. */
  readonly nowMs: number;
}

/** `queue_age:short`: the same thing has the same id in every process, and whenever it fires. */
export function alertIdOf(rule: AlertName, labels: AlertLabels): string {
  return [
    rule,
    ...Object.keys(labels)
      .toSorted()
      .map((name) => labels[name]),
  ].join(":");
}

interface Watched {
  readonly rule: AlertName;
  readonly labels: AlertLabels;
  /** Since when the value is over the threshold, while it does not fire yet. */
  overSinceMs: number | undefined;
  firing: FiringAlert | undefined;
  /** Since when the value is below the bound, while it still fires. */
  calmSinceMs: number | undefined;
}

/**
 * Decides what fires and what is over, with hysteresis in value and in time. Says what should change; whoever asks makes it
 * so, and says what others did (`adopt`, `drop`). Knows no clock.
 */
export class AlertWatch {
  readonly #rules: ReadonlyMap<AlertName, AlertRule>;
  readonly #watched = new Map<string, Watched>();

  constructor(rules: readonly AlertRule[]) {
    this.#rules = new Map(rules.map((rule) => [rule.name, rule]));
  }

  /** The changes that are due; each is told again in the next round unless it was confirmed. */
  judge({ readings, isMeasured, nowMs }: Round): readonly AlertChange[] {
    const read = new Map<string, Reading>();
    for (const reading of readings) {
      const id = alertIdOf(reading.rule, reading.labels);
      if ((read.get(id)?.value ?? Number.NEGATIVE_INFINITY) < reading.value) read.set(id, reading);
    }
    for (const [id, { rule, labels }] of read) this.#watch(id, rule, labels);
    const changes: AlertChange[] = [];
    for (const [id, watched] of this.#watched) {
      const rule = this.#rules.get(watched.rule);
      if (rule === undefined || !isMeasured(watched.rule, watched.labels)) continue;
      const value = read.get(id)?.value ?? 0;
      const change = watched.firing
        ? stillFires(watched, rule, { value, nowMs })
        : begins(id, watched, { rule, value, nowMs });
      if (change !== undefined) changes.push(change);
      else if (watched.firing === undefined && watched.overSinceMs === undefined) this.#watched.delete(id);
    }
    return changes;
  }

  /** It fires: because we said so, or another process did. */
  adopt(alert: FiringAlert): void {
    if (!this.#rules.has(alert.rule)) return;
    const watched = this.#watch(alert.id, alert.rule, alert.labels);
    if (watched === undefined || watched.firing?.sinceMs === alert.sinceMs) return;
    watched.firing = alert;
    watched.calmSinceMs = undefined;
  }

  /** It is over. */
  drop(id: string): void {
    this.#watched.delete(id);
  }

  firing(): readonly FiringAlert[] {
    return [...this.#watched.values()].flatMap(({ firing }) => firing ?? []);
  }

  #watch(id: string, rule: AlertName, labels: AlertLabels): Watched | undefined {
    const known = this.#watched.get(id);
    if (known !== undefined) return known;
    if (this.#watched.size >= ALERTS_MAX) return undefined;
    const watched: Watched = {
      rule,
      labels,
      overSinceMs: undefined,
      firing: undefined,
      calmSinceMs: undefined,
    };
    this.#watched.set(id, watched);
    return watched;
  }
}

interface Measured {
  readonly value: number;
  readonly nowMs: number;
}

function begins(
  id: string,
  watched: Watched,
  { rule, value, nowMs }: Measured & { readonly rule: AlertRule },
): AlertChange | undefined {
  if (value < rule.threshold) {
    watched.overSinceMs = undefined;
    return undefined;
  }
  watched.overSinceMs ??= nowMs;
  if (nowMs - watched.overSinceMs < rule.forMs) return undefined;
  const { labels } = watched;
  const subject = Object.values(labels).join(" ");
  const { name, severity, threshold } = rule;
  const summary = rule.say({ subject, value });
  return {
    kind: "fire",
    alert: { id, rule: name, severity, labels, sinceMs: nowMs, value, threshold, summary },
  };
}

function stillFires(watched: Watched, rule: AlertRule, { value, nowMs }: Measured): AlertChange | undefined {
  const { firing } = watched;
  if (firing === undefined) return undefined;
  const summary = rule.say({ subject: Object.values(firing.labels).join(" "), value });
  if (value >= rule.resolveBelow) {
    watched.calmSinceMs = undefined;
    if (value >= rule.threshold) watched.firing = { ...firing, value, summary };
    return undefined;
  }
  watched.calmSinceMs ??= nowMs;
  if (nowMs - watched.calmSinceMs < rule.clearMs) return undefined;
  return { kind: "resolve", alert: { ...firing, value } };
}
