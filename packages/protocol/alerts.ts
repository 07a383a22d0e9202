import { ALERT_NAMES, type AlertName } from "@millrace/core/alerts/rules";

export const ALERTS_BUCKET = "alerts";

/** Core NATS: each process says every second that it lives, and what it counts. Nobody asks, and no query is made for it. */
export const PULSE_SUBJECT = "live.pulse";

export interface Pulse {
  /** `api`, `recorder`, `scheduler`, `worker`. */
  readonly name: string;
  /** Another one after each start. */
  readonly instance: string;
  /** True: it drains, and this is its last word. */
  readonly leaves?: boolean;
  /** Few numbers: counts since its start, and measures of now. */
  readonly facts?: Readonly<Record<string, number>>;
}

/** The value of a key in the bucket `alerts`: what `nats kv get alerts <key>` prints. Times are RFC 3339. */
export interface AlertRecord {
  readonly id: string;
  readonly rule: AlertName;
  readonly severity: "warning" | "critical";
  readonly state: "firing" | "resolved";
  /** When it fired. */
  readonly since: string;
  readonly resolved_at: string | null;
  readonly summary: string;
  readonly value: number;
  readonly threshold: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Null for what is no pulse of ours: anybody can publish. */
export function decodePulse(body: string): Pulse | null {
  const value = parsed(body);
  if (typeof value.name !== "string" || typeof value.instance !== "string") return null;
  const { name, instance, leaves, facts } = value;
  const isObject = typeof facts === "object" && facts !== null;
  const numbers = Object.entries(isObject ? facts : {}).filter(([, number]) => Number.isFinite(number));
  // Each value was just found to be a number.
  return {
    name,
    instance,
    ...(leaves === true && { leaves }),
    facts: Object.fromEntries(numbers) as Record<string, number>,
  };
}

/** Null for what is no alert of ours. */
export function decodeAlert(body: string): AlertRecord | null {
  const value = parsed(body);
  const rule = ALERT_NAMES.find((name) => name === value.rule);
  const { id, severity, state, since, summary, resolved_at, labels } = value;
  const hasTimes = isTime(since) && (resolved_at === null || isTime(resolved_at));
  const hasNumbers = typeof value.value === "number" && typeof value.threshold === "number";
  if (rule === undefined || typeof id !== "string" || typeof summary !== "string" || !hasTimes || !hasNumbers)
    return null;
  if ((severity !== "warning" && severity !== "critical") || (state !== "firing" && state !== "resolved"))
    return null;
  const words = Object.entries(typeof labels === "object" && labels !== null ? labels : {});
  return {
    ...{ id, rule, severity, state, since, resolved_at, summary },
    ...{ value: Number(value.value), threshold: Number(value.threshold) },
    labels: Object.fromEntries(words.map(([name, word]) => [name, String(word)])),
  };
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    // An object has names, whatever they hold.
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
