import type {
  HistoryBucket,
  OverviewTick,
  OwnOverview,
  StepsNotice,
  WholeOverview,
} from "@millrace/protocol/overview";
import { signal } from "@preact/signals";
import { followEvents } from "../wire/sent-events.ts";

/** What the stream of the overview brought last; null before it did. */
export const whole = signal<WholeOverview | null>(null);
export const own = signal<OwnOverview | null>(null);
/** `broken` shows a banner: what stands on the page is old. */
export const connection = signal<"connecting" | "live" | "broken">("connecting");

type StepsHandler = (notice: StepsNotice) => void;
const stepsHandlers = new Set<StepsHandler>();
const HISTORY_MAX = 360;

/** The returned function ends it. */
export function onSteps(handle: StepsHandler): () => void {
  stepsHandlers.add(handle);
  return () => stepsHandlers.delete(handle);
}

let stop: (() => void) | undefined;

/** One stream for the whole page, from signing in to signing out. */
export function watchOverview(): () => void {
  stop?.();
  connection.value = "connecting";
  stop = followEvents("/api/stream", {
    onEvent: ({ name, data }) => take(name, JSON.parse(data)),
    onBreak: () => {
      connection.value = "broken";
    },
  });
  return () => {
    stop?.();
    whole.value = null;
    own.value = null;
  };
}

function take(name: string, told: unknown): void {
  connection.value = "live";
  if (name === "steps") for (const handle of stepsHandlers) handle(told as StepsNotice); // The stream's promise.
  if (name === "overview") takeOverview(told as WholeOverview | OwnOverview);
  if (name === "tick") takeTick(told as OverviewTick);
}

function takeOverview(told: WholeOverview | OwnOverview): void {
  if (told.scope === "all") whole.value = told;
  else own.value = told;
}

function takeTick({ latest, ...numbers }: OverviewTick): void {
  const history = whole.value?.history ?? [];
  whole.value = { ...numbers, history: merged(history, latest) };
}

export function merged(
  history: readonly HistoryBucket[],
  latest: readonly HistoryBucket[],
): readonly HistoryBucket[] {
  const first = latest[0]?.start ?? "";
  return [...history.filter(({ start }) => start < first), ...latest].slice(-HISTORY_MAX);
}
