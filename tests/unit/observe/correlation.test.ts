import { expect, test } from "bun:test";
import { CORRELATION_HEADER, correlationIdFrom } from "@millrace/observe";

test("a sane id is taken over", () => {
  expect(correlationIdFrom("req-1.a:b/c=", () => "made")).toBe("req-1.a:b/c=");
});

test.each([null, undefined, "", "a b", "a\nb", "-a", "x".repeat(129), "é", "<script>"])(
  "%p is replaced by a new one",
  (header) => expect(correlationIdFrom(header, () => "made")).toBe("made"),
);

test("the header has the name that the contract gives it", () => {
  expect(CORRELATION_HEADER).toBe("X-Correlation-Id");
});
