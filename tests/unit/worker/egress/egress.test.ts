import { expect, test } from "bun:test";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Egress } from "@millrace/worker/egress/egress";
import type { OutgoingRequest } from "@millrace/worker/egress/pinned-client";
import { startFakeExternalApi } from "../../../support/fake-external-api.ts";
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from "../../../support/tls-identity.ts";

const never = new AbortController().signal;
const isFinal = (status: number) => status === 200;

function get(url: string): OutgoingRequest {
  return { method: "GET", url: new URL(url), headers: {}, body: null };
}

test("a call by name goes through the system's resolver to the end", async () => {
  const api = await startFakeExternalApi();
  // localhost may be ::1 first, where nobody listens: the next address is tried.
  const egress = new Egress({ policy: { allowLoopback: true, allow: [] } });
  expect(await egress.call(get(`http://localhost:${api.port}/`), isFinal, never)).toMatchObject({
    kind: "answer",
    status: 200,
  });
  egress.close();
  await api.stop();
});

test("a redirect from http to https is followed, with the certificate checked for the name", async () => {
  const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (request, response) =>
    response.end(request.headers.host),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  const api = await startFakeExternalApi();
  const policy = { allowLoopback: true, allow: [] };
  const egress = new Egress({ policy, tlsCa: TEST_CA, lookup: async () => ["127.0.0.1"] });
  const call = (name: string) => {
    const location = encodeURIComponent(`https://${name}:${port}/`);
    return egress.call(get(`${api.url}/?status=301&location=${location}`), isFinal, never);
  };
  const answer = await call("api.example.test");
  expect(answer).toMatchObject({ kind: "answer", status: 200 });
  expect(answer.kind === "answer" && answer.url.href).toBe(`https://api.example.test:${port}/`);
  expect(await call("evil.example.test")).toMatchObject({
    kind: "failed",
    code: "TLS_FAILED",
    isRetryable: true,
  });
  egress.close();
  server.close();
  await api.stop();
});

test("a policy with a malformed entry is refused at start", () => {
  expect(() => new Egress({ policy: { allowLoopback: false, allow: ["10.0.0.0/99"] } })).toThrow(
    "10.0.0.0/99",
  );
});
