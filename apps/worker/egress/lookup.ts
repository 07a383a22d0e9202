import { lookup as systemDnsLookup } from "node:dns/promises";
import { DNS_CACHE_MS_MAX, DNS_CACHE_NAMES_MAX } from "@millrace/core/limits";

/** All addresses of a name, best first. Rejects when there are none. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** The system's resolver, hosts file included. */
export const systemLookup: Lookup = async (host) => {
  const answers = await systemDnsLookup(host, { all: true, verbatim: true });
  return answers.map((answer) => answer.address);
};

export interface CachedLookupOptions {
  readonly lookup: Lookup;
  /** Milliseconds that only go forward. */
  readonly nowMs: () => number;
  readonly keepMs?: number;
  readonly namesMax?: number;
}

/**
 * Looks each name up once per few seconds: thousands of calls a second must not be thousands of DNS queries. Calls that
 * ask at the same time share one query. Failures are not kept. What is kept is the addresses, never the verdict on them.
 */
export function cachedLookup(options: CachedLookupOptions): Lookup {
  const { lookup, nowMs, keepMs = DNS_CACHE_MS_MAX, namesMax = DNS_CACHE_NAMES_MAX } = options;
  const kept = new Map<
    string,
    { readonly addresses: Promise<readonly string[]>; readonly untilMs: number }
  >();
  return (host) => {
    const known = kept.get(host);
    if (known !== undefined && nowMs() < known.untilMs) return known.addresses;
    kept.delete(host);
    const oldest = kept.size >= namesMax ? kept.keys().next().value : undefined;
    if (oldest !== undefined) kept.delete(oldest);
    const entry = { addresses: lookup(host), untilMs: nowMs() + keepMs };
    kept.set(host, entry);
    entry.addresses.catch(() => {
      if (kept.get(host) === entry) kept.delete(host);
    });
    return entry.addresses;
  };
}
