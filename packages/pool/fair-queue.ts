import { POOL_WAITING_MAX } from "@millrace/core/limits";

/**
 * Waiting items, served fairly between their owners: who has the fewest running is next, and among equals who was
 * served longest ago. Within an owner, first come, first served. So a user with a hundred large files and one with a
 * single small one share the threads by halves, however long the files of the first take.
 * One owner may fill the queue: whoever puts items in bounds that (the worker takes no more tasks than it has slots).
 */
export class FairQueue<Item> {
  readonly #itemsMax: number;
  /** In the order in which owners were last served; a new owner goes to the end. Owners without items are forgotten. */
  readonly #waiting = new Map<string, Item[]>();
  #size = 0;

  constructor(itemsMax: number = POOL_WAITING_MAX) {
    this.#itemsMax = itemsMax;
  }

  get size(): number {
    return this.#size;
  }

  /** False: the queue is full, and the item was not taken. */
  push(owner: string, item: Item): boolean {
    if (this.#size >= this.#itemsMax) return false;
    const items = this.#waiting.get(owner);
    if (items === undefined) this.#waiting.set(owner, [item]);
    else items.push(item);
    this.#size += 1;
    return true;
  }

  /** The next item, given how many items of each owner run now. */
  take(runningOf: (owner: string) => number): Item | undefined {
    let next: string | undefined;
    for (const owner of this.#waiting.keys())
      if (next === undefined || runningOf(owner) < runningOf(next)) next = owner;
    if (next === undefined) return undefined;
    const items = this.#waiting.get(next) ?? [];
    const item = items.shift();
    this.#waiting.delete(next);
    if (items.length > 0) this.#waiting.set(next, items);
    this.#size -= 1;
    return item;
  }

  /** False: the item does not wait (any more). */
  remove(owner: string, item: Item): boolean {
    const items = this.#waiting.get(owner) ?? [];
    const index = items.indexOf(item);
    if (index < 0) return false;
    items.splice(index, 1);
    if (items.length === 0) this.#waiting.delete(owner);
    this.#size -= 1;
    return true;
  }
}
