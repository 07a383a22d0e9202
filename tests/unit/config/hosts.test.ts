import { expect, test } from "bun:test";
import { isAddressOrBlock, isHost, isHostOrBlock } from "@millrace/config/hosts";

test.each(["localhost", "a-b.example", "10.0.0.1", "::1", "fe80::1", "::ffff:10.0.0.1", "1.example"])(
  "%p is a host",
  (host) => expect(isHost(host)).toBe(true),
);

test.each([
  "",
  "-a",
  "a-",
  "a..b",
  "10.0.0",
  "10.0.0.256",
  "fe80::1%eth0",
  "[::1]",
  "a b",
  "a:80",
  "10.0.0.0/8",
])("%p is not a host", (host) => expect(isHost(host)).toBe(false));

test.each(["10.0.0.0/8", "10.0.0.1/32", "0.0.0.0/0", "fd00::/8", "::1/128", "db"])(
  "%p is a host or a block",
  (block) => expect(isHostOrBlock(block)).toBe(true),
);

test.each(["10.0.0.0/33", "fd00::/129", "db/8", "10.0.0.0/", "/8", "10.0.0.0/8/8", "10.0.0.0/-1"])(
  "%p is not a block",
  (block) => expect(isHostOrBlock(block)).toBe(false),
);

test.each(["10.0.0.7", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/1"])(
  "%p is an address or a block",
  (block) => expect(isAddressOrBlock(block)).toBe(true),
);

// Everybody's address is a block as well, and one that nobody means.
test.each([
  "proxy",
  "proxy.example",
  "0.0.0.0/0",
  "::/0",
  "10.0.0.0/00",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "",
  "*",
])("%p is no block of proxies", (block) => expect(isAddressOrBlock(block)).toBe(false));
