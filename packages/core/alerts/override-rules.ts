import { ALERT_NAMES, ALERT_RULES, type AlertName, type AlertRule } from "./rules.ts";

/** `queue_age.threshold=60`, `queue_age.for=5`, `error_rate=off`. Times in seconds. */
const OVERRIDE = /^([a-z_]+)(?:\.(threshold|resolve|for|clear)=(\d{1,9}(?:\.\d{1,6})?)|=(off))$/;

type Field = "threshold" | "resolve" | "for" | "clear";

interface Override {
  readonly name: AlertName;
  /** Undefined: the rule is off. */
  readonly change: { readonly field: Field; readonly value: number } | undefined;
}

export function isAlertOverride(text: string): boolean {
  return readOverride(text) !== undefined;
}

function readOverride(text: string): Override | undefined {
  const [, named, field, value, off] = OVERRIDE.exec(text) ?? [];
  const name = ALERT_NAMES.find((known) => known === named);
  if (name === undefined) return undefined;
  if (off !== undefined) return { name, change: undefined };
  // The pattern knows no other fields.
  return { name, change: { field: field as Field, value: Number(value) } };
}

/**
 * The rules with other numbers; later ones win. A threshold without a `resolve` of its own takes the bound below which it
 * is over along, in proportion. A rule never resolves above its threshold: it would fire and resolve at the same value.
 */
export function overriddenRules(overrides: readonly string[]): readonly AlertRule[] {
  return ALERT_RULES.flatMap((rule) => {
    let changed: AlertRule | undefined = rule;
    for (const text of overrides) {
      const override = readOverride(text);
      if (override?.name !== rule.name) continue;
      changed =
        changed === undefined || override.change === undefined ? undefined : apply(changed, override.change);
    }
    return changed === undefined
      ? []
      : [{ ...changed, resolveBelow: Math.min(changed.resolveBelow, changed.threshold) }];
  });
}

function apply(
  rule: AlertRule,
  { field, value }: { readonly field: Field; readonly value: number },
): AlertRule {
  switch (field) {
    case "threshold":
      return { ...rule, threshold: value, resolveBelow: value * (rule.resolveBelow / rule.threshold) };
    case "resolve":
      return { ...rule, resolveBelow: value };
    case "for":
      return { ...rule, forMs: value * 1_000 };
    case "clear":
      return { ...rule, clearMs: value * 1_000 };
  }
}
