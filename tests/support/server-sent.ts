import { until } from "./bus.ts";

export interface SentEvent {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  readonly data: any;
  /** Undefined where the stream gives none. */
  readonly id?: string | undefined;
}

export interface SentEvents {
  readonly status: number;
  readonly events: readonly SentEvent[];
  /** Resolves when either side has ended it. */
  readonly ended: Promise<void>;
  /** Waits until one like this has come. */
  untilSent(what: string, isIt: (event: SentEvent) => boolean, deadlineMs?: number): Promise<SentEvent>;
  close(): void;
}

/** Reads a stream of server-sent events, for as long as the test wants. */
export async function readSentEvents(
  url: string,
  token: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<SentEvents> {
  const aborter = new AbortController();
  const response = await fetch(url, {
    headers: { Authorization: `Bearer ${token}`, ...headers },
    signal: aborter.signal,
  });
  const events: SentEvent[] = [];
  const ended = collect(response, events);
  return {
    status: response.status,
    events,
    ended,
    untilSent: async (what, isIt, deadlineMs = 10_000) => {
      await until(what, () => events.some(isIt), deadlineMs);
      const found = events.find(isIt);
      if (found === undefined) throw new Error(`${what}: gone again`);
      return found;
    },
    close: () => aborter.abort(),
  };
}

async function collect(response: Response, events: SentEvent[]): Promise<void> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const match = /^event: (.*)\ndata: (.*)$/m.exec(block);
        if (match?.[1] !== undefined && match[2] !== undefined)
          events.push({ event: match[1], data: JSON.parse(match[2]), id: /^id: (.*)$/m.exec(block)?.[1] });
      }
    }
  } catch {
    // Closed by either side.
  }
}
