/** How numbers, times and sizes are written. Pure: what they need to know they are given. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 12 345, and 1.2M from a million on. */
export function countWords(count: number): string {
  if (Math.abs(count) >= 1_000_000) return short.format(count);
  return whole.format(count).replaceAll(",", "\u202f");
}

/** For narrow places: 999, 1.2K, 34K. */
export function briefCount(count: number): string {
  return short.format(count);
}

export function rateWords(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (perSecond < 10) return perSecond.toFixed(perSecond < 1 ? 2 : 1);
  return countWords(Math.round(perSecond));
}

export function durationWords(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return both(minutes, "min", Math.floor(seconds % 60), "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return both(hours, "h", minutes % 60, "min");
  return both(Math.floor(hours / 24), "d", hours % 24, "h");
}

function both(...[large, unit, small, smallUnit]: readonly [number, string, number, string]): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`;
}

/** "3 s ago", "in 2 min". */
export function agoWords(thenMs: number, nowMs: number): string {
  const apartMs = nowMs - thenMs;
  if (Math.abs(apartMs) < 1_000) return "now";
  const words = spanWords(Math.abs(apartMs));
  return apartMs > 0 ? `${words} ago` : `in ${words}`;
}

function spanWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

const UNITS = ["B", "KB", "MB", "GB", "TB"];

export function bytesWords(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1_000 && unit < UNITS.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || size >= 99.95 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit] ?? "B"}`;
}

/** `null` is not known. */
export function shareWords(share: number | null): string {
  if (share === null) return "–";
  const percent = share * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

const DATE = { year: "numeric", month: "short", day: "numeric" } as const;
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;

/** In the viewer's zone; the day only when it is not today's. */
export function timeWords(moment: Date, now: Date): string {
  const clock = moment.toLocaleTimeString("en", CLOCK);
  if (moment.toDateString() === now.toDateString()) return clock;
  return `${moment.toLocaleDateString("en", DATE)}, ${clock}`;
}

/** For whoever compares with logs. */
export function utcWords(moment: Date): string {
  return `${moment.toISOString().replace("T", " ").replace("Z", "")} UTC`;
}

/** One line of JSON for lists. */
export function briefJson(value: unknown, charsMax: number): string {
  const text = JSON.stringify(value) ?? "";
  return text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
}
