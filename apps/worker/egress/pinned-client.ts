import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import {
  HTTP_ADDRESSES_TRIED_MAX,
  HTTP_CONNECT_MS_MAX,
  HTTP_IDLE_CONNECTIONS_MAX,
  HTTP_IDLE_MS_MAX,
} from "@millrace/core/limits";
import type { Target } from "./target.ts";

/** A request ready for the wire; header names in lower case. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export type SendResult =
  | { readonly kind: "response"; readonly response: http.IncomingMessage }
  | {
      readonly kind: "failed";
      /** How far it came: "connect" and "tls" reached no server, "exchange" may have had an effect there. */
      readonly phase: "connect" | "tls" | "exchange";
      /** The runtime's own code (ECONNRESET, HPE_…), where it has one. */
      readonly reason: string;
      readonly message: string;
      readonly isReusedConnection: boolean;
    };

export interface PinnedClientOptions {
  /** PEM of the authorities to trust in place of the system's. */
  readonly tlsCa?: string;
  readonly connectMsMax?: number;
}

/** RFC 9110 §9.2.2: sending these twice is the same as sending them once. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * Sends requests to addresses, not to names: the socket is opened to the address that was checked, the name appears only
 * in the Host header, in TLS server name indication and in the check of the certificate. Connections are kept alive per
 * (address, port, name). See the README for why this is node:http and not fetch.
 */
export class PinnedClient {
  readonly #options: Required<Pick<PinnedClientOptions, "connectMsMax">> & PinnedClientOptions;
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent };

  constructor(options: PinnedClientOptions = {}) {
    this.#options = { ...options, connectMsMax: options.connectMsMax ?? HTTP_CONNECT_MS_MAX };
    const pool = { keepAlive: true, timeout: HTTP_IDLE_MS_MAX, maxFreeSockets: HTTP_IDLE_CONNECTIONS_MAX };
    this.#agents = { http: new http.Agent(pool), https: new https.Agent(pool) };
  }

  /** Tries the target's addresses until one takes the connection. Rejects with the signal's reason on abort. */
  async send(request: OutgoingRequest, target: Target, signal: AbortSignal): Promise<SendResult> {
    let result: SendResult | undefined;
    for (const address of target.addresses.slice(0, HTTP_ADDRESSES_TRIED_MAX)) {
      result = await this.#sendTo(address, { request, target, signal });
      if (result.kind === "response" || result.phase !== "connect") return result;
    }
    if (result === undefined) throw new Error("a target has at least one address");
    return result;
  }

  /** Closes all connections, those in use included. */
  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #sendTo(address: string, call: Call): Promise<SendResult> {
    const result = await this.#exchange(address, call, true);
    // The server may close an idle connection at the moment when we use it; that is nobody's failure.
    const isStale = result.kind === "failed" && result.isReusedConnection && result.phase === "exchange";
    const isResendable = isStale && IDEMPOTENT.has(call.request.method) && isDisconnect(result.reason);
    return isResendable ? this.#exchange(address, call, false) : result;
  }

  #exchange(address: string, call: Call, mayReuse: boolean): Promise<SendResult> {
    const { request, target, signal } = call;
    const isTls = request.url.protocol === "https:";
    const agent = mayReuse ? (isTls ? this.#agents.https : this.#agents.http) : false;
    const options: https.RequestOptions = {
      host: address,
      port: target.port,
      method: request.method,
      path: `${request.url.pathname}${request.url.search}`,
      headers: { ...framing(request), ...request.headers, host: request.url.host },
      agent,
    };
    if (isTls) {
      options.rejectUnauthorized = true; // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
      options.servername = isIP(target.host) === 0 ? target.host : ""; // RFC 6066: no addresses.
      if (this.#options.tlsCa !== undefined) options.ca = this.#options.tlsCa;
    }
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const outgoing = isTls ? https.request(options) : http.request(options);
      const exchange = new Exchange(outgoing, isTls, this.#options.connectMsMax);
      const onAbort = () => {
        outgoing.destroy();
        exchange.end();
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      exchange.onEnd = (result) => {
        signal.removeEventListener("abort", onAbort);
        resolve(result);
      };
      outgoing.end(request.body ?? undefined);
    });
  }
}

interface Call {
  readonly request: OutgoingRequest;
  readonly target: Target;
  readonly signal: AbortSignal;
}

/** After a `close` that nothing explains, an error or a response may still be on its way through the event loop. */
const CLOSE_GRACE_MS = 250;

/** One request on one connection, until its response begins or it fails. */
class Exchange {
  onEnd: (result: SendResult) => void = () => {};
  readonly #outgoing: http.ClientRequest;
  #phase: "connect" | "tls" | "exchange" = "connect";
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #isEnded = false;

  constructor(outgoing: http.ClientRequest, isTls: boolean, connectMsMax: number) {
    this.#outgoing = outgoing;
    outgoing.once("socket", (socket) => {
      if (!socket.connecting) {
        this.#phase = "exchange";
        return;
      }
      this.#connectTimer = setTimeout(() => {
        this.#fail("ETIMEDOUT", `no connection within ${connectMsMax} ms`);
        outgoing.destroy();
      }, connectMsMax);
      socket.once("connect", () => {
        if (isTls) this.#phase = "tls";
        else this.#connected();
      });
      if (isTls) socket.once("secureConnect", () => this.#connected());
    });
    outgoing.once("response", (response) => this.end({ kind: "response", response }));
    outgoing.on("error", (error: NodeJS.ErrnoException) =>
      this.#fail(error.code ?? error.name, error.message),
    );
    outgoing.once("upgrade", (_response, socket) => {
      socket.destroy();
      this.#fail("UPGRADE", "the server switched protocols, which nobody asked for");
    });
    // Seen on Bun 1.4.5: `close` can come before `response`, and after an upgrade it comes alone.
    outgoing.once("close", () => {
      if (this.#isEnded) return;
      setTimeout(() => this.#fail("ECONNRESET", "the connection was closed"), CLOSE_GRACE_MS);
    });
  }

  end(result?: SendResult): void {
    clearTimeout(this.#connectTimer);
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (result !== undefined) this.onEnd(result);
  }

  #connected(): void {
    this.#phase = "exchange";
    clearTimeout(this.#connectTimer);
  }

  #fail(reason: string, message: string): void {
    const isReusedConnection = this.#outgoing.reusedSocket;
    this.end({ kind: "failed", phase: this.#phase, reason, message, isReusedConnection });
  }
}

function isDisconnect(reason: string): boolean {
  return reason === "ECONNRESET" || reason === "EPIPE";
}

/** RFC 9110 §8.6: the length is said even when it is 0, for the methods that usually have a body. */
function framing(request: OutgoingRequest): Record<string, string> {
  const isBodyUsual = request.method === "POST" || request.method === "PUT" || request.method === "PATCH";
  if (request.body === null && !isBodyUsual) return {};
  return { "content-length": String(Buffer.byteLength(request.body ?? "")) };
}
