import { useCallback, useRef, useState } from "preact/hooks";
import { type Loaded, useLoad } from "./load.ts";
import { sayFailure } from "./notices.ts";

export interface Batch<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

export interface Pages<T, B extends Batch<T>> {
  /** The first page, with what was added to it since. */
  readonly loaded: Loaded<B>;
  /** Adds the next page, if there is one and none is on its way. */
  readonly more: () => void;
}

/** Items kept at most: a page that is open for days must not grow for ever. */
const ITEMS_MAX = 50_000;

/** A long list, page by page. */
export function usePages<T, B extends Batch<T>>(
  key: string,
  fetchPage: (cursor: string | null, signal?: AbortSignal) => Promise<B>,
): Pages<T, B> {
  const loaded = useLoad(key, (signal) => fetchPage(null, signal));
  const [, setBusy] = useState(false);
  const isBusy = useRef(false);
  const { value, change } = loaded;
  const latestKey = useRef(key);
  latestKey.current = key;
  const more = useCallback(() => {
    const cursor = value?.next_cursor ?? null;
    if (cursor === null || isBusy.current || (value?.items.length ?? 0) >= ITEMS_MAX) return;
    isBusy.current = true;
    setBusy(true);
    fetchPage(cursor)
      .then((page) => {
        if (latestKey.current !== key) return;
        change((was) => ({ ...was, items: [...was.items, ...page.items], next_cursor: page.next_cursor }));
      }, sayFailure)
      .finally(() => {
        isBusy.current = false;
        setBusy(false);
      });
  }, [value, change, key]);
  return { loaded, more };
}
