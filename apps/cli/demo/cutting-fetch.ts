import type { Fetch } from "@millrace/client";

/** How a connection breaks: in the middle of the request, or when the answer is on its way. */
export type Cut = "request" | "answer";

export interface CuttingFetch {
  readonly fetch: Fetch;
  /** Connections that were broken so far. */
  readonly cuts: () => number;
}

/** A network that breaks the n-th connections, from 1, in the way that was planned for them. */
export function cuttingFetch(plan: ReadonlyMap<number, Cut>): CuttingFetch {
  let calls = 0;
  let cuts = 0;
  return {
    cuts: () => cuts,
    fetch: async (url, init) => {
      calls += 1;
      const cut = plan.get(calls);
      if (cut === undefined) return fetch(url, init);
      cuts += 1;
      if (cut === "request") return fetch(url, { ...init, body: halfOf(init.body) });
      const response = await fetch(url, init);
      await response.body?.cancel();
      throw new Error("the connection broke before the answer was here");
    },
  };
}

/** Half of the body, and then no more: the connection ends with it. */
function halfOf(body: RequestInit["body"]): ReadableStream<Uint8Array> {
  if (body === undefined || body === null) throw new Error("the connection broke");
  const bytes = body instanceof Uint8Array ? body : new TextEncoder().encode(String(body));
  let isSent = false;
  return new ReadableStream({
    pull: (controller) => {
      if (isSent) controller.error(new Error("the connection broke in the middle of the request"));
      else controller.enqueue(bytes.subarray(0, bytes.length / 2));
      isSent = true;
    },
  });
}
