import { expect, test } from "bun:test";
import { publishedAtMs } from "@millrace/bus";

const NANOSECONDS = "1795319422805123456";

test("the reply subject of a delivery tells when its message was published", () => {
  const short = `$JS.ACK.TASKS.short-p5.1.10.3.${NANOSECONDS}.7`;
  const long = `$JS.ACK.hub.a1b2c3.TASKS.short-p5.1.10.3.${NANOSECONDS}.7`;
  const longer = `${long}.random`;
  expect([short, long, longer].map(publishedAtMs)).toEqual(Array(3).fill(1_795_319_422_805));
});

test.each(["", "$JS.ACK.x", "_INBOX.abc.1", "$JS.ACK.TASKS.short-p5.1.10.3.soon.7", `a.b.c.d.e.f.g.-1.h`])(
  "a reply that does not tell it, %j, is no time",
  (reply) => expect(publishedAtMs(reply)).toBeNull(),
);
