import { isAlertOverride } from "@millrace/core/alerts/override-rules";
import { list, secret, url } from "./kinds.ts";

export const alerts = {
  alertRules: list({
    name: "ALERT_RULES",
    about:
      "Other numbers for the rules of alerts: queue_age.threshold=60, queue_age.for=10, error_rate=off; the rules are in packages/core/alerts/rules.ts.",
    default: [],
    expects:
      "rule.threshold, rule.resolve, rule.for or rule.clear with a number (times in seconds), or rule=off",
    itemsMax: 50,
    isItem: isAlertOverride,
  }),
  alertWebhookUrl: url({
    name: "ALERT_WEBHOOK_URL",
    about: "Where alerts are posted as JSON when they fire and when they are over.",
    default: undefined,
    defaultText: "(nowhere)",
    schemes: ["http", "https"],
    isSecret: true,
  }),
  alertWebhookSecret: secret({
    name: "ALERT_WEBHOOK_SECRET",
    about: "Signs what is posted to ALERT_WEBHOOK_URL: HMAC-SHA256, in X-Millrace-Signature.",
    default: undefined,
    defaultText: "(nothing is signed)",
    charsMin: 16,
    charsMax: 512,
  }),
};
