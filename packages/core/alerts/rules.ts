/** What alerts are about. A label of a reading tells which one: which part, worker, lane, host. */
export const ALERT_NAMES = [
  "part_down",
  "worker_dead",
  "dead_letters_rising",
  "queue_age",
  "recorder_lag",
  "ledger_uneven",
  "disk_nearly_full",
  "breaker_open",
  "error_rate",
] as const;
export type AlertName = (typeof ALERT_NAMES)[number];

export interface AlertRule {
  readonly name: AlertName;
  readonly severity: "warning" | "critical";
  /** From this value on, for so long, it fires. */
  readonly threshold: number;
  readonly forMs: number;
  /** Below this value, for so long, it is over: lower than the threshold, so that a value that trembles tells nobody twice. */
  readonly resolveBelow: number;
  readonly clearMs: number;
  /** For people. `subject` is what the labels say, joined. */
  readonly say: (reading: { readonly subject: string; readonly value: number }) => string;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** Dead letters are counted over this. */
export const DEAD_LETTERS_SPAN_MS = 5 * MINUTE_MS;
/** Attempts are counted over this; fewer than so many say nothing. */
export const ERROR_RATE_SPAN_MS = 5 * MINUTE_MS;
export const ERROR_RATE_ATTEMPTS_MIN = 20;

const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;
const seconds = (value: number): string => `${Math.round(value)} s`;

/** The rules, in the order in which people read them. ALERT_RULES changes their numbers. */
export const ALERT_RULES: readonly AlertRule[] = [
  {
    ...{ name: "part_down", severity: "critical" },
    ...{ threshold: 1, forMs: 0, resolveBelow: 1, clearMs: 3 * SECOND_MS },
    say: ({ subject }) => `${subject} does not answer, or died just now`,
  },
  {
    ...{ name: "worker_dead", severity: "critical" },
    ...{ threshold: 1, forMs: 0, resolveBelow: 1, clearMs: 0 },
    say: ({ subject }) => `the heartbeats of ${subject} stopped; its tasks run elsewhere`,
  },
  {
    ...{ name: "dead_letters_rising", severity: "warning" },
    ...{ threshold: 10, forMs: 0, resolveBelow: 5, clearMs: MINUTE_MS },
    say: ({ value }) => `${value} tasks failed for good within five minutes`,
  },
  {
    ...{ name: "queue_age", severity: "warning" },
    ...{ threshold: 300, forMs: 30 * SECOND_MS, resolveBelow: 150, clearMs: 30 * SECOND_MS },
    say: ({ subject, value }) => `a task of the lane ${subject} is due for ${seconds(value)}`,
  },
  {
    ...{ name: "recorder_lag", severity: "warning" },
    ...{ threshold: 60, forMs: 15 * SECOND_MS, resolveBelow: 30, clearMs: 15 * SECOND_MS },
    say: ({ value }) => `the oldest event that is not stored is ${seconds(value)} old`,
  },
  {
    ...{ name: "ledger_uneven", severity: "critical" },
    ...{ threshold: 1, forMs: 0, resolveBelow: 1, clearMs: 0 },
    say: ({ value }) => `${value} accepted events are neither stored nor in flight`,
  },
  {
    ...{ name: "disk_nearly_full", severity: "critical" },
    ...{ threshold: 0.9, forMs: 10 * SECOND_MS, resolveBelow: 0.85, clearMs: 10 * SECOND_MS },
    say: ({ subject, value }) => `the disk of ${subject} is ${percent(value)} full`,
  },
  {
    ...{ name: "breaker_open", severity: "warning" },
    ...{ threshold: 1, forMs: 0, resolveBelow: 1, clearMs: 5 * SECOND_MS },
    say: ({ subject }) => `the circuit breaker of ${subject} is open; tasks that call it wait`,
  },
  {
    ...{ name: "error_rate", severity: "warning" },
    ...{ threshold: 0.5, forMs: 30 * SECOND_MS, resolveBelow: 0.3, clearMs: MINUTE_MS },
    say: ({ value }) => `${percent(value)} of the attempts of the last five minutes failed`,
  },
];
