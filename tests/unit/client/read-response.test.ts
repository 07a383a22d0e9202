import { expect, test } from "bun:test";
import { problemOf, readText } from "@millrace/client/read-response";

test("a body longer than its bound is not read to its end", async () => {
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled += 1;
      controller.enqueue(new Uint8Array(1_000));
    },
  });
  await expect(readText(new Response(endless), 10_000)).rejects.toThrow("longer than 10000 bytes");
  expect(pulled).toBeLessThan(100);
});

test("a character that is cut by a chunk comes out whole", async () => {
  const bytes = new TextEncoder().encode("mühle");
  const halves = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(bytes.slice(0, 2));
      controller.enqueue(bytes.slice(2));
      controller.close();
    },
  });
  expect(await readText(new Response(halves))).toBe("mühle");
});

test("a problem with fields of the wrong type is still a problem", () => {
  const body = { code: "X", detail: 7, errors: ["?", { path: "/a" }], correlation_id: 1 };
  const text = JSON.stringify(body);
  expect(problemOf(new Response(null, { status: 400 }), text)).toEqual({
    status: 400,
    code: "X",
    detail: "7",
    errors: [{ path: "/a", message: "" }],
    correlationId: null,
    problem: body,
  });
});

test("an empty refusal says its status", () => {
  expect(problemOf(new Response(null, { status: 404 }), "")).toMatchObject({
    code: "HTTP_404",
    detail: "the server answered 404",
  });
});
