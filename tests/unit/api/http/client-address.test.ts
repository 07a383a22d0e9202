import { expect, test } from "bun:test";
import { addressGroup, callerBehind } from "@millrace/api/http/client-address";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  [undefined, "unknown"],
  ["/run/api.sock", "/run/api.sock"],
])("%s counts as %s", (address, group) => {
  expect(addressGroup(address)).toBe(group);
});

const PROXY = "172.31.250.9";
const callerOf = callerBehind(["172.31.250.0/24", "10.0.0.7", "fd00:1::/32"]);

test("without proxies of ours, who connects is who calls, whatever the header says", () => {
  expect(callerBehind([])("192.0.2.7", "198.51.100.1")).toBe("192.0.2.7");
  expect(callerOf("192.0.2.7", "198.51.100.1, 172.31.250.9")).toBe("192.0.2.7");
  // Near a block, and not in it.
  expect(callerOf("172.31.251.0", "198.51.100.1")).toBe("172.31.251.0");
  expect(callerOf("10.0.0.8", "198.51.100.1")).toBe("10.0.0.8");
  expect(callerOf(undefined, "198.51.100.1")).toBeUndefined();
});

test.each([
  ["198.51.100.1", "198.51.100.1", "whom the proxy saw"],
  ["203.0.113.66, 198.51.100.1", "198.51.100.1", "not what that one claimed to be"],
  ["127.0.0.1,203.0.113.66 ,198.51.100.1", "198.51.100.1", "however much it claimed"],
  ["203.0.113.66, 198.51.100.1, 10.0.0.7", "198.51.100.1", "past a second proxy of ours"],
  ["172.31.250.9, 198.51.100.1", "198.51.100.1", "an address of ours left of a stranger's is a lie"],
  ["198.51.100.1, 172.31.250.3, 10.0.0.7", "198.51.100.1", "past all of ours"],
  ["172.31.250.3, 10.0.0.7", "172.31.250.3", "one of our own machines, when nobody else is named"],
  ["2001:db8::5", "2001:db8::5", "IPv6"],
  ["[2001:db8::5]:4711, [fd00:1::2]:80", "2001:db8::5", "IPv6 with ports"],
  ["198.51.100.1:4711", "198.51.100.1", "with a port"],
  ["::ffff:198.51.100.1, ::ffff:10.0.0.7", "::ffff:198.51.100.1", "IPv4 written as IPv6"],
])("%p behind our proxy is %p: %s", (header, caller) => {
  expect(callerOf(PROXY, header)).toBe(caller);
});

test.each([
  "",
  " ",
  ",",
  "unknown",
  "_hidden",
  "198.51.100.1 or 203.0.113.66",
  "1.2.3",
  "999.1.1.1",
  "[::1",
  "\0",
  "a".repeat(9_000),
])("a proxy that names no address (%p) speaks for itself", (header) => {
  expect(callerOf(PROXY, header)).toBe(PROXY);
  expect(callerOf(PROXY, `203.0.113.66, ${header}, 10.0.0.7`)).toBe("10.0.0.7");
});

test("a proxy that is reached by IPv6 or by IPv4 written as IPv6 is the same proxy", () => {
  expect(callerOf("::ffff:172.31.250.9", "198.51.100.1")).toBe("198.51.100.1");
  expect(callerOf("fd00:1::9", "198.51.100.1")).toBe("198.51.100.1");
  expect(callerOf("fd00:2::9", "198.51.100.1")).toBe("fd00:2::9");
  expect(callerOf(PROXY, null)).toBe(PROXY);
});

test("a list that is longer than any row of proxies is not read to its end", () => {
  const ours = Array.from({ length: 5_000 }, () => "10.0.0.7").join(",");
  expect(callerOf(PROXY, `203.0.113.66,${ours}`)).toBe("10.0.0.7");
});
