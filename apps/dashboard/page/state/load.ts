import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export type Loading<T> =
  | { readonly state: "loading"; readonly value: T | undefined }
  | { readonly state: "ready"; readonly value: T }
  | { readonly state: "failed"; readonly value: T | undefined; readonly error: unknown };

export type Loaded<T> = Loading<T> & {
  readonly reload: () => void;
  readonly change: (change: (value: T) => T) => void;
};

/**
 * Loads something, and again when the key changes; an answer that is overtaken is thrown away. What was there stays
 * while the next is on its way, so that nothing flickers.
 */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [loading, setLoading] = useState<Loading<T>>({ state: "loading", value: undefined });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  const shownKey = useRef(key);
  latest.current = load;
  useEffect(() => {
    const abort = new AbortController();
    const isSameThing = shownKey.current === key;
    shownKey.current = key;
    setLoading((was) => ({ state: "loading", value: isSameThing ? was.value : undefined }));
    latest.current(abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) setLoading({ state: "ready", value });
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setLoading((was) => ({ state: "failed", value: was.value, error }));
      },
    );
    return () => abort.abort();
  }, [key, turn]);
  const reload = useCallback(() => setTurn((was) => was + 1), []);
  const change = useCallback(
    (change: (value: T) => T) =>
      setLoading((was) => (was.value === undefined ? was : { ...was, value: change(was.value) })),
    [],
  );
  return { ...loading, reload, change };
}
