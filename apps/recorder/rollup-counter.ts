import { fromByteText } from "@millrace/protocol/events/index";
import type { Rollup } from "@millrace/store";
import type { EventFields } from "@millrace/store/events/event-rows";

type Count = Rollup & { events: number };
type Counts = Map<string, Map<string, Map<string, Count>>>;

/**
 * Counts events by minute, owner, type, source and level. A map for each, and no key made of all: the key's text would be
 * an allocation per event.
 */
export class RollupCounter {
  readonly #counts: Count[] = [];
  readonly #byMinute = new Map<number, Map<number, Counts>>();

  add(ownerId: number, { minuteMs, type, source, level }: EventFields): void {
    const byOwner = inner(this.#byMinute, minuteMs);
    const bySource = inner(inner(byOwner, ownerId), type);
    const byLevel = inner(bySource, source);
    const known = byLevel.get(level);
    if (known !== undefined) {
      known.events += 1;
      return;
    }
    const count: Count = { minuteMs, type, source, level, ownerId, events: 1 };
    byLevel.set(level, count);
    this.#counts.push(count);
  }

  get rollups(): readonly Rollup[] {
    return this.#counts.map((count) => ({
      ...count,
      type: fromByteText(count.type),
      source: fromByteText(count.source),
      level: fromByteText(count.level),
    }));
  }
}

function inner<Key, InnerKey, Value>(outer: Map<Key, Map<InnerKey, Value>>, key: Key): Map<InnerKey, Value> {
  const known = outer.get(key);
  if (known !== undefined) return known;
  const made = new Map<InnerKey, Value>();
  outer.set(key, made);
  return made;
}
