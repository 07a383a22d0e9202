import type { Bus } from "@millrace/bus";
import type { Config } from "@millrace/config";
import { overriddenRules } from "@millrace/core/alerts/index";
import { AlertWebhook, alertTeller, type Log, type Metrics } from "@millrace/observe";
import { type ApiAlerts, startAlerts } from "./start-alerts.ts";

export interface AlertMeans {
  readonly bus: Bus;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Watches and shows alerts as the configuration says. */
export async function openAlerts(
  { alertRules, alertWebhookUrl: url, alertWebhookSecret: secret }: Config,
  { bus, log, metrics }: AlertMeans,
): Promise<ApiAlerts> {
  const webhook = url === undefined ? undefined : new AlertWebhook({ url, secret, log, metrics });
  return await startAlerts({ bus, log, rules: overriddenRules(alertRules), tell: alertTeller(log, webhook) });
}
