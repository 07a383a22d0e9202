import { METRIC_LABEL_VALUES_MAX } from "@millrace/core/limits";

/** Stands for every value that came after a label had its share. */
export const OTHER = "other";

/**
 * Bounds the values of each label of one metric: a task type or a host is the caller's choice, and each new value is a
 * series that a process would keep, and a Prometheus server would store, for ever.
 */
export class LabelGuard {
  readonly #valuesMax: number;
  readonly #seen = new Map<string, Set<string>>();

  constructor(valuesMax = METRIC_LABEL_VALUES_MAX) {
    this.#valuesMax = valuesMax;
  }

  bound<L extends string>(labels: Readonly<Record<L, string>>): Record<L, string> {
    const bounded: Record<L, string> = { ...labels };
    for (const name in bounded) bounded[name] = this.#boundValue(name, bounded[name]);
    return bounded;
  }

  #boundValue(name: string, value: string): string {
    let values = this.#seen.get(name);
    if (values === undefined) {
      values = new Set();
      this.#seen.set(name, values);
    }
    if (values.has(value)) return value;
    if (values.size >= this.#valuesMax) return OTHER;
    values.add(value);
    return value;
  }
}
