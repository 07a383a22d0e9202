import { serve } from "@millrace/api/serve";
import { EventPublisher, type EventPublisherOptions } from "@millrace/bus";
import {
  BATCH_HEADER,
  type BatchHeader,
  decodeBatchHeader,
  EVENTS_STREAM,
} from "@millrace/protocol/events/index";
import { TimeoutError } from "nats";
import { type Answer, type ApiOptions, type ApiUnderTest, callWith, signUp, startApi } from "./api.ts";
import { type BusUnderTest, startBus } from "./bus.ts";

/** The API in this process, with a real stream for its events. */
export interface EventApi {
  readonly api: ApiUnderTest;
  readonly bus: BusUnderTest;
  /** Of a key with the scope events:write, called "shop". */
  readonly key: string;
  readonly publisher: EventPublisher;
  /** Where it listens, for clients that are no part of this process. */
  readonly url: string;
  send(body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Without a declared length: the body is read as it comes. */
  sendInChunks(body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** All messages of the stream, in its order. */
  messages(): Promise<readonly StreamMessage[]>;
  /** All lines of all messages, parsed. */
  events(): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

export interface StreamMessage {
  readonly seq: number;
  readonly subject: string;
  readonly text: string;
  readonly header: BatchHeader | undefined;
}

/** Servers start and stop in hooks, and the machine may be busy. */
export const HOOK_MS = 60_000;
export const NDJSON = { "Content-Type": "application/x-ndjson" };

export async function startEventApi(
  options: EventPublisherOptions = {},
  apiOptions: Pick<ApiOptions, "reroute"> = {},
): Promise<EventApi> {
  const bus = await startBus();
  const publisher = new EventPublisher(bus.bus, options);
  const api = await startApi({ ...apiOptions, eventSink: publisher });
  const { accessToken } = await signUp(api.call, "events@example.org");
  const wish = { name: "shop", scopes: ["events:write"] };
  const made = await api.call("POST", "/api/auth/keys", { token: accessToken, body: wish });
  const key = String(made.body.api_key);
  const listening = serve(api.app, { host: "127.0.0.1", port: 0 });
  const overHttp = callWith((request) => fetch(request), listening.url);
  const messages = messageReader(bus);
  return {
    api,
    bus,
    key,
    publisher,
    url: listening.url,
    send: (body, headers = {}) => overHttp("POST", "/api/events", { token: key, body, headers }),
    sendInChunks: (body, headers = {}) => api.call("POST", "/api/events", { token: key, body, headers }),
    messages,
    events: async () => (await messages()).flatMap(({ text }) => linesOf(text)),
    close: async () => {
      await listening.stop();
      await api.close();
      await bus.close();
    },
  };
}

/** Reads what is new since it was asked before. */
function messageReader({ bus }: BusUnderTest): () => Promise<readonly StreamMessage[]> {
  const messages: StreamMessage[] = [];
  let next = 1;
  return async () => {
    const { state } = await asked(() => bus.manager.streams.info(EVENTS_STREAM));
    for (; next <= state.last_seq; next++) {
      const seq = next;
      const message = await asked(() => bus.manager.streams.getMessage(EVENTS_STREAM, { seq }));
      if (message === null) continue;
      const header = decodeBatchHeader(message.header.get(BATCH_HEADER));
      messages.push({ seq: next, subject: message.subject, text: message.string(), header });
    }
    return [...messages];
  };
}

const QUESTIONS_MAX = 4;

/** What is asked at the moment of a reconnect is thrown away by the client library, and ends in its time-out. */
async function asked<T>(question: () => Promise<T>): Promise<T> {
  for (let questions = 1; ; questions++) {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof TimeoutError) || questions >= QUESTIONS_MAX) throw error;
    }
  }
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
