import { describe, expect, test } from "bun:test";
import { EgressGuard, type EgressPolicy } from "@millrace/worker/egress/policy";

const CLOSED: EgressPolicy = { allowLoopback: false, allow: [] };

function isAllowed(address: string, policy: EgressPolicy = CLOSED, host = "api.example.test"): boolean {
  return new EgressGuard(policy).refusal(address, host) === undefined;
}

describe("allows the public internet:", () => {
  for (const address of [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "2400:cb00::1",
  ])
    test(address, () => expect(isAllowed(address)).toBe(true));
});

describe("refuses what is not:", () => {
  const table: [range: string, ...addresses: string[]][] = [
    ["loopback", "127.0.0.1", "127.255.255.254", "::1"],
    ["unspecified", "0.0.0.0", "0.1.2.3", "::"],
    ["private", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"],
    ["carrier-grade NAT", "100.64.0.1", "100.127.255.255", "100.100.100.200"],
    [
      "link-local, with the metadata service",
      "169.254.169.254",
      "169.254.0.1",
      "fe80::1",
      "fe80::1%eth0",
      "febf::1",
    ],
    ["multicast", "224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    ["broadcast and reserved", "255.255.255.255", "240.0.0.1", "192.0.0.192", "198.18.0.1"],
    ["documentation", "192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    ["6to4 relays", "192.88.99.1"],
    ["the host agent of Azure, public by its range", "168.63.129.16"],
    ["unique local", "fc00::1", "fd00:ec2::254", "fdff::1"],
    ["site-local", "fec0::1"],
    [
      "IPv4-mapped, of public addresses too",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "::ffff:8.8.8.8",
      "0:0:0:0:0:ffff:a00:1",
    ],
    ["IPv4-compatible", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8"],
    ["IPv4-translated", "::ffff:0:127.0.0.1"],
    ["NAT64", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1"],
    ["6to4", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1"],
    ["Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    [
      "other special blocks",
      "100::1",
      "2001:2::1",
      "2001:10::1",
      "2001:20::1",
      "5f00::1",
      "4000::1",
      "e000::1",
      "1::1",
    ],
    ["no addresses", "", "localhost", "127.0.0.1.", "1.2.3.4.5", "::1::", "300.1.1.1"],
  ];
  for (const [range, ...addresses] of table)
    for (const address of addresses)
      test(`${range}: ${address}`, () => expect(isAllowed(address)).toBe(false));
});

describe("with loopback allowed", () => {
  const policy: EgressPolicy = { allowLoopback: true, allow: [] };
  test("loopback is, in both families", () => {
    expect(isAllowed("127.0.0.1", policy)).toBe(true);
    expect(isAllowed("127.1.2.3", policy)).toBe(true);
    expect(isAllowed("::1", policy)).toBe(true);
  });
  for (const address of [
    "0.0.0.0",
    "::",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "10.0.0.1",
    "169.254.169.254",
  ])
    test(`${address} is not`, () => expect(isAllowed(address, policy)).toBe(false));
});

describe("the allow list", () => {
  const policy: EgressPolicy = {
    allowLoopback: false,
    allow: ["10.1.0.0/16", "192.168.7.9", "fd12::/16", "::1", "Internal.Example.Test.", "bücher.example"],
  };
  test("opens a block and nothing beside it", () => {
    expect(isAllowed("10.1.255.255", policy)).toBe(true);
    expect(isAllowed("10.2.0.0", policy)).toBe(false);
    expect(isAllowed("fd12::7", policy)).toBe(true);
    expect(isAllowed("fd13::7", policy)).toBe(false);
  });
  test("opens an address and nothing beside it", () => {
    expect(isAllowed("192.168.7.9", policy)).toBe(true);
    expect(isAllowed("192.168.7.10", policy)).toBe(false);
    expect(isAllowed("::1", policy)).toBe(true);
  });
  test("a block of IPv4 does not open its image in IPv6", () =>
    expect(isAllowed("::ffff:10.1.0.1", policy)).toBe(false));
  test("opens all addresses of a name, in any spelling of it, and of no other name", () => {
    expect(isAllowed("10.9.9.9", policy, "internal.example.test")).toBe(true);
    expect(isAllowed("10.9.9.9", policy, "xn--bcher-kva.example")).toBe(true);
    expect(isAllowed("10.9.9.9", policy, "sub.internal.example.test")).toBe(false);
    expect(isAllowed("10.9.9.9", policy, "evilinternal.example.test")).toBe(false);
  });
  for (const entry of ["10.0.0.0/33", "a b", "http://x", "x:80", "user@x", "", "x/y"])
    test(`"${entry}" is refused at start`, () =>
      expect(() => new EgressGuard({ allowLoopback: false, allow: [entry] })).toThrow("not a host"));
});

test("ports are open unless they are denied", () => {
  const guard = new EgressGuard({ allowLoopback: true, allow: [], denyPorts: [4222] });
  expect([guard.isPortDenied(4222), guard.isPortDenied(80)]).toEqual([true, false]);
});
