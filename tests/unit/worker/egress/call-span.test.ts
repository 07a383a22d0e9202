import { expect, test } from "bun:test";
import type { Span } from "@millrace/observe";
import { endCallSpan, startCallSpan, withTrace } from "@millrace/worker/egress/call-span";
import type { Answer } from "@millrace/worker/egress/egress";
import { noteSpans } from "../../../support/noted-spans.ts";

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function attempt(context?: string): { readonly span: Span; readonly noted: ReturnType<typeof noteSpans> } {
  const noted = noteSpans(context);
  const span = noted.start("run http.request");
  if (span === undefined) throw new Error("everything is noted");
  return { span, noted };
}

function requestTo(url: string, headers: Readonly<Record<string, string>> = {}) {
  return { method: "POST" as const, url: new URL(url), headers, body: null };
}

function answer(status: number, statusText: string): Answer {
  const body = { kind: "body", bytes: new Uint8Array(), isTruncated: false } as unknown as Answer["body"];
  return { kind: "answer", status, statusText, headers: {}, body, url: new URL("http://a/") };
}

test("a call says where it goes without identity, query and fragment", () => {
  const { span, noted } = attempt();
  startCallSpan(span, requestTo("https://ann:secret@api.test/v1/orders?key=hidden#part"));
  expect(noted.spans[1]).toMatchObject({ name: "POST", start: { kind: "client" } });
  expect(noted.spans[1]?.attributes).toEqual({
    "http.request.method": "POST",
    "server.address": "api.test",
    "server.port": 443,
    "url.full": "https://api.test/v1/orders",
  });
});

test("who is called is told the trace and its state, beside what the task has set", () => {
  const { span } = attempt(`${PARENT} shop=42`);
  const sent = withTrace(requestTo("http://a/", { accept: "*/*" }), span);
  expect(sent.headers).toEqual({ accept: "*/*", traceparent: PARENT, tracestate: "shop=42" });
});

test("a traceparent that the task has set itself stays, without our state beside it", () => {
  const { span } = attempt(`${PARENT} shop=42`);
  const own = { traceparent: "00-11111111111111111111111111111111-2222222222222222-00" };
  expect(withTrace(requestTo("http://a/", own), span).headers).toEqual(own);
});

test("4xx and 5xx are failures of the call, by their status; other answers are none", () => {
  for (const [status, failures] of [
    [200, []],
    [302, []],
    [404, [["404", "Not Found"]]],
    [503, [["503", "Busy"]]],
  ] as const) {
    const { span, noted } = attempt();
    const statusText = status === 404 ? "Not Found" : "Busy";
    endCallSpan(startCallSpan(span, requestTo("http://a/")), answer(status, statusText));
    expect(noted.spans[1]).toMatchObject({ failures, ends: 1 });
    expect(noted.spans[1]?.attributes["http.response.status_code"]).toBe(status);
  }
});
