/** Tokens of `$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<seq>.<time>.<pending>`, and where the time stands. */
const SHORT = { tokens: 9, time: 7 } as const;
/** Newer servers put the domain and a hash of the account behind `$JS.ACK`, and may add to the end. */
const LONG = { tokens: 11, time: 9 } as const;
const NANOSECONDS_PER_MS = 1_000_000n;
const NANOSECONDS = /^\d{16,20}$/;

/**
 * When the stream took the message of a delivery, in epoch ms, as its reply subject tells. Null when it does not: good enough
 * to measure with, nothing to decide by.
 */
export function publishedAtMs(reply: string): number | null {
  const tokens = reply.split(".");
  const form = tokens.length >= LONG.tokens ? LONG : SHORT;
  const time = tokens.length < form.tokens ? undefined : tokens[form.time];
  return time !== undefined && NANOSECONDS.test(time) ? Number(BigInt(time) / NANOSECONDS_PER_MS) : null;
}
