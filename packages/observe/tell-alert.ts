import type { AlertWebhook } from "./alert-webhook.ts";
import type { Log } from "./log.ts";

/** What people are told of an alert, in the log and by the webhook. */
export interface AlertNotice {
  readonly id: string;
  readonly rule: string;
  readonly severity: "warning" | "critical";
  readonly state: "firing" | "resolved";
  readonly since: string;
  readonly resolved_at: string | null;
  readonly summary: string;
  readonly value: number;
  readonly threshold: number;
  readonly labels: Readonly<Record<string, string>>;
}

export type TellAlert = (notice: AlertNotice) => void;

/** One structured line for each change; the webhook gets the same as JSON. Never waits. */
export function alertTeller(log: Log, webhook: Pick<AlertWebhook, "tell"> | undefined): TellAlert {
  return (notice) => {
    const { summary, state, severity, id, rule, labels, value, threshold, since, resolved_at } = notice;
    const fields = {
      alert: rule,
      alert_id: id,
      state,
      severity,
      labels,
      value,
      threshold,
      since,
      resolved_at,
    };
    if (state === "resolved") log.info(`alert resolved: ${summary}`, fields);
    else if (severity === "critical") log.error(`alert: ${summary}`, fields);
    else log.warning(`alert: ${summary}`, fields);
    webhook?.tell(notice);
  };
}
