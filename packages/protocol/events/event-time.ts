const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
const MINUTE_MS = 60_000;

/**
 * The time of an event: RFC 3339 with its offset, or epoch milliseconds as a number.
 * @returns epoch ms, with a fraction where the event has one; undefined for everything else, 30 February included.
 */
export function eventTimeMs(timestamp: unknown): number | undefined {
  if (typeof timestamp === "number") return Number.isFinite(timestamp) ? timestamp : undefined;
  if (typeof timestamp !== "string") return undefined;
  const match = RFC_3339.exec(timestamp);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match.map(Number);
  const [fraction = "", sign, offsetHour = "0", offsetMinute = "0"] = match.slice(7);
  const wholeMs = utcMs([year, month, day, hour, minute, second]);
  if (wholeMs === undefined || Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * MINUTE_MS;
  const fractionMs = fraction === "" ? 0 : Number(`0.${fraction}`) * 1000;
  return wholeMs + fractionMs + (sign === "-" ? offsetMs : -offsetMs);
}

/** Undefined for a day or hour that does not exist. A leap second is the second after it, as in PostgreSQL. */
function utcMs(parts: readonly (number | undefined)[]): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const midnight = new Date(Date.UTC(year, month - 1, day));
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}
