import { callApi } from "./api.ts";

export interface SentEvent {
  readonly name: string;
  readonly data: string;
}

export interface Following {
  readonly onEvent: (event: SentEvent) => void;
  readonly onOpen?: () => void;
  /** The connection is gone, and is tried again. Not called for an end that the server meant. */
  readonly onBreak?: (error: unknown) => void;
  /** False: an end is the end. Else it is opened again. */
  readonly isEndless?: boolean;
}

const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 10_000;
/** The API sends a comment every ten seconds; after so much silence the connection is dead, whatever TCP thinks. */
const SILENT_MS_MAX = 25_000;

/**
 * Server-sent events with an Authorization header, which EventSource cannot send. Comes back after a break, later each
 * time. The returned function ends it.
 */
export function followEvents(path: string, following: Following): () => void {
  const ending = new AbortController();
  void keepFollowing(path, following, ending.signal);
  return () => ending.abort();
}

async function keepFollowing(path: string, following: Following, ended: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!ended.aborted) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    ended.addEventListener("abort", stop);
    try {
      const response = await callApi(path, {
        signal: attempt.signal,
        headers: { Accept: "text/event-stream" },
      });
      following.onOpen?.();
      await readEvents(
        response,
        attempt,
        () => {
          pauseMs = FIRST_PAUSE_MS;
        },
        following.onEvent,
      );
      if (following.isEndless === false) return;
    } catch (error) {
      if (ended.aborted) return;
      following.onBreak?.(error);
    } finally {
      ended.removeEventListener("abort", stop);
      attempt.abort();
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2)));
    pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * 2);
  }
}

async function readEvents(
  response: Response,
  attempt: AbortController,
  ...[onLife, onEvent]: readonly [onLife: () => void, onEvent: (event: SentEvent) => void]
): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let rest = "";
  let silence: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      clearTimeout(silence);
      silence = setTimeout(() => attempt.abort(), SILENT_MS_MAX);
      const { done, value } = await reader.read();
      if (done) return;
      onLife();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event !== null) onEvent(event);
      }
    }
  } finally {
    clearTimeout(silence);
  }
}

/** Null for comments. */
export function parseEvent(block: string): SentEvent | null {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length === 0 ? null : { name, data: data.join("\n") };
}
