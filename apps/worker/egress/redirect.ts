import type { OutgoingRequest } from "./pinned-client.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Headers that describe a body, and go when the body goes. */
const OF_BODY: ReadonlySet<string> = new Set([
  "content-type",
  "content-encoding",
  "content-language",
  "content-location",
]);
/**
 * What another origin may see. A list of the harmless, not of the secret: APIs take their keys in headers of any name,
 * so besides Authorization and Cookie everything else that the task set stays with the origin it was meant for.
 */
const CROSS_ORIGIN: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "content-language",
  "content-type",
  "idempotency-key",
  "traceparent",
  "user-agent",
  "x-correlation-id",
]);

/** Whether the status asks to go elsewhere; 300 and 304 do not. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/**
 * The request that follows a redirect, or undefined when `location` is not a URL.
 * 303 turns every method but GET and HEAD into GET; 301 and 302 turn POST into GET, as all clients do; 307 and 308 keep
 * method and body.
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 */
export function redirectedRequest(
  request: OutgoingRequest,
  status: number,
  location: string,
): OutgoingRequest | undefined {
  const url = URL.parse(location, request.url.href);
  if (url === null) return undefined;
  url.hash = "";
  const isNowGet =
    status === 303
      ? request.method !== "GET" && request.method !== "HEAD"
      : (status === 301 || status === 302) && request.method === "POST";
  const isSameOrigin = url.origin === request.url.origin;
  const kept = Object.entries(request.headers).filter(
    ([name]) => (isSameOrigin || CROSS_ORIGIN.has(name)) && !(isNowGet && OF_BODY.has(name)),
  );
  return {
    method: isNowGet ? "GET" : request.method,
    url,
    headers: Object.fromEntries(kept),
    body: isNowGet ? null : request.body,
  };
}
