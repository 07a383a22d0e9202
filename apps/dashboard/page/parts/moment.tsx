import { signal } from "@preact/signals";
import { agoWords, timeWords, utcWords } from "./words.ts";

/** The time, once a second: one clock for all that is shown as "3 s ago". */
export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 1_000);

interface MomentProps {
  readonly at: string | null;
  readonly isRelative?: boolean;
}

/** A time in the viewer's zone; the other forms, UTC among them, on hover. */
export function Moment({ at, isRelative = false }: MomentProps) {
  if (at === null) return <span class="soft">–</span>;
  const moment = new Date(at);
  const local = timeWords(moment, new Date(now.value));
  const title = `${local} (${utcWords(moment)})`;
  return (
    <time dateTime={at} title={title}>
      {isRelative ? agoWords(moment.getTime(), now.value) : local}
    </time>
  );
}
