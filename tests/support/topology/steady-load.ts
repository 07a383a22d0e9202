import { connect, type Socket } from "node:net";

/** One request of the load. */
export interface Wish {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Called once, when it has ended. */
  readonly onEnd: (end: Ended) => void;
}

export interface Ended {
  readonly wish: Wish;
  /** Undefined when there was no whole answer. */
  readonly status: number | undefined;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  /** Why there was none. */
  readonly failure: string | undefined;
  readonly tookMs: number;
}

export interface SteadyLoad {
  /** Requests that were sent so far. */
  sent(): number;
  /** Sends nothing more; resolves when all have ended. */
  stop(): Promise<void>;
}

export interface LoadPlan {
  readonly url: string;
  readonly perSecond: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The n-th request, from 0. */
  readonly next: (n: number) => Wish;
}

const TICK_MS = 5;
const ANSWER_MS_MAX = 30_000;

/**
 * Sends at its pace, whether answers come or not: requests that must wait open further connections. Connections are kept
 * and used in turn, as pools of clients do. It repeats nothing: what a server ends without an answer has failed.
 */
export function startSteadyLoad({ url, perSecond, headers, next }: LoadPlan): SteadyLoad {
  const { hostname, port, host } = new URL(url);
  const idle: Line[] = [];
  const open = new Set<Promise<void>>();
  const startedMs = performance.now();
  let sent = 0;
  const send = async (wish: Wish): Promise<void> => {
    while (idle[0]?.isOpen === false) idle.shift();
    const line = idle.shift() ?? new Line(hostname, Number(port));
    const ended = await line.ask(requestBytes(wish, { Host: host, ...headers }), wish);
    if (line.isOpen && ended.headers.get("connection") !== "close") idle.push(line);
    else line.close();
    wish.onEnd(ended);
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1_000) * perSecond);
    for (; sent < due; sent += 1) {
      const sending: Promise<void> = send(next(sent)).finally(() => open.delete(sending));
      open.add(sending);
    }
  }, TICK_MS);
  return {
    sent: () => sent,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      for (const line of idle) line.close();
    },
  };
}

function requestBytes({ method, path, body }: Wish, headers: Readonly<Record<string, string>>): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const more = body === undefined ? {} : { "Content-Type": "application/json" };
  const length = method === "GET" ? {} : { "Content-Length": String(Buffer.byteLength(text)) };
  const lines = Object.entries({ ...headers, ...more, ...length }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${text}`;
}

/** One connection, with one request at a time. */
class Line {
  readonly #socket: Socket;
  isOpen = true;
  #received: Buffer = Buffer.alloc(0);
  #end: (failure: string | undefined) => void = () => {};

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      if (isWhole(this.#received)) this.#end(undefined);
    });
    this.#socket.on("error", (error) => this.#broke(error.message));
    this.#socket.on("end", () => this.#broke("the server ended the connection"));
    this.#socket.on("close", () => this.#broke("the connection was closed"));
  }

  async ask(request: string, wish: Wish): Promise<Ended> {
    const startedMs = performance.now();
    this.#received = Buffer.alloc(0);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#end = resolve;
    this.#socket.write(request);
    const timer = setTimeout(() => this.#broke(`no answer within ${ANSWER_MS_MAX} ms`), ANSWER_MS_MAX);
    const failure = await promise;
    clearTimeout(timer);
    this.#end = () => {};
    return { wish, failure, tookMs: performance.now() - startedMs, ...read(this.#received, failure) };
  }

  close(): void {
    this.isOpen = false;
    this.#socket.destroy();
  }

  #broke(why: string): void {
    this.isOpen = false;
    const { length } = this.#received;
    this.#end(length === 0 ? why : `${why} after ${length} bytes`);
  }
}

const HEAD_END = "\r\n\r\n";

function isWhole(received: Buffer): boolean {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.toString("latin1", 0, headEnd));
  if (length !== null) return received.length >= headEnd + HEAD_END.length + Number(length[1]);
  return received.subarray(headEnd).toString("latin1").endsWith("0\r\n\r\n"); // In chunks.
}

function read(received: Buffer, failure: string | undefined): Pick<Ended, "status" | "headers" | "text"> {
  if (failure !== undefined) return { status: undefined, headers: new Map(), text: "" };
  const headEnd = received.indexOf(HEAD_END);
  const [first = "", ...lines] = received.toString("latin1", 0, headEnd).split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  const text = received.toString("utf8", headEnd + HEAD_END.length);
  return { status: Number(first.split(" ")[1]), headers: new Map(headers), text };
}
