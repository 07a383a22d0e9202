import { UsageError } from "../shell/read-arguments.ts";

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const FULL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;
const DAY = /^\d{4}-\d\d-\d\d$/;

/**
 * `15m`, `2h`, `1d`: that long before now; `now`; a time such as 2026-01-31T12:00:00Z; or a day, which begins in UTC.
 * @returns RFC 3339. @throws UsageError
 */
export function readTime(name: string, text: string | undefined, nowMs: number): string | undefined {
  if (text === undefined) return undefined;
  const [, digits = "", unit = ""] = /^(\d{1,5})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (text === "now") return new Date(nowMs).toISOString();
  const isTime = FULL_TIME.test(text) || DAY.test(text);
  const ms =
    unitMs === undefined ? (isTime ? Date.parse(text) : Number.NaN) : nowMs - Number(digits) * unitMs;
  const time = new Date(ms);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new UsageError(
    `--${name} must be a span before now (30s, 15m, 2h, 1d) or a time (2026-01-31T12:00:00Z), not ${JSON.stringify(text)}`,
  );
}
