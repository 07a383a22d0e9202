import { describe, expect, test } from "bun:test";
import { EgressGuard, type EgressPolicy } from "@millrace/worker/egress/policy";
import { checkTarget } from "@millrace/worker/egress/target";

const CLOSED: EgressPolicy = { allowLoopback: false, allow: [] };

async function kindOf(url: string, addresses: readonly string[] = [], policy = CLOSED): Promise<string> {
  const parsed = URL.parse(url);
  if (parsed === null) return "no url";
  const asked: string[] = [];
  const lookup = async (host: string) => {
    asked.push(host);
    if (/^[\d.]+$|:/.test(host)) throw new Error(`an address was looked up: ${host}`);
    return addresses;
  };
  return (await checkTarget(parsed, { guard: new EgressGuard(policy), lookup })).kind;
}

describe("every spelling of a forbidden address is seen through:", () => {
  const urls = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://%31%32%37.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0x0/",
    "http:\\\\127.0.0.1\\x",
    "http:/127.0.0.1/",
    "http:127.0.0.1",
    "http://127.0.0.1\t/",
    "http://127.0.\n0.1/",
    " http://127.0.0.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://10.1/",
    "http://192.168.257/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://[FD00::1]/",
    "https://127.0.0.1:8443/",
  ];
  for (const url of urls) test(JSON.stringify(url), async () => expect(await kindOf(url)).toBe("forbidden"));
});

describe("names are judged by their addresses, not by their looks:", () => {
  for (const url of [
    "http://localhost/",
    "http://LOCALHOST./",
    "http://ⓛocalhost/",
    "http://public.looking.example/",
    "http://xn--80ak6aa92e.example/",
    "http://127.0.0.1.nip.example/",
    "http://a_b.example/",
    "http://1.1.1.1.example/",
  ])
    test(url, async () => {
      expect(await kindOf(url, ["127.0.0.1"])).toBe("forbidden");
      expect(await kindOf(url, ["1.1.1.1"])).toBe("target");
    });
});

describe("not even URLs:", () => {
  for (const url of [
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://300.1.1.1/",
    "http://1.2.3.4.5/",
    "http://a b/",
    "http://x:65536/",
    "http://ex%00ample/",
    "http://[::1",
    "http://",
  ])
    test(url, () => expect(URL.canParse(url)).toBe(false));
});

for (const addresses of [
  ["1.1.1.1", "10.0.0.1"],
  ["10.0.0.1", "1.1.1.1"],
  ["1.1.1.1", "2606:4700::1", "::1"],
  ["fe80::1%eth0"],
])
  test(`one forbidden address among ${addresses.join(", ")} refuses the call`, async () =>
    expect(await kindOf("http://api.example.test/", addresses)).toBe("forbidden"));

test("a user name or password is refused, wherever it came from", async () => {
  expect(await kindOf("http://user@api.example.test/", ["1.1.1.1"])).toBe("forbidden");
  expect(await kindOf("http://:secret@api.example.test/", ["1.1.1.1"])).toBe("forbidden");
});

for (const url of [
  "ftp://api.example.test/",
  "ftp://api.example.test:80/",
  "file:///etc/passwd",
  "gopher://api.example.test:70/",
  "ws://api.example.test/",
  "data:,x",
])
  test(`${url} is refused for its scheme`, async () =>
    expect(await kindOf(url, ["1.1.1.1"])).toBe("forbidden"));

test("a denied port is refused, also when it is the scheme's own", async () => {
  const policy = { ...CLOSED, denyPorts: [80, 5432] };
  expect(await kindOf("http://api.example.test/", ["1.1.1.1"], policy)).toBe("forbidden");
  expect(await kindOf("https://api.example.test:5432/", ["1.1.1.1"], policy)).toBe("forbidden");
  expect(await kindOf("https://api.example.test/", ["1.1.1.1"], policy)).toBe("target");
});

test("a target is the name for TLS, the port and all checked addresses", async () => {
  const ports = { guard: new EgressGuard(CLOSED), lookup: async () => ["1.1.1.1", "2606:4700::1"] };
  expect(await checkTarget(new URL("https://API.example.test./x"), ports)).toEqual({
    kind: "target",
    host: "api.example.test",
    port: 443,
    addresses: ["1.1.1.1", "2606:4700::1"],
  });
  expect(await checkTarget(new URL("http://[2606:4700::1]:81/"), ports)).toMatchObject({
    host: "2606:4700::1",
    port: 81,
    addresses: ["2606:4700::1"],
  });
});

test("no address, a failed lookup and a lookup without end are told apart from a refusal", async () => {
  const guard = new EgressGuard(CLOSED);
  const url = new URL("http://api.example.test/");
  const failing = async () => Promise.reject(new Error("ENOTFOUND"));
  const silent = () => new Promise<never>(() => {});
  expect(await checkTarget(url, { guard, lookup: async () => [] })).toMatchObject({ kind: "unresolved" });
  expect(await checkTarget(url, { guard, lookup: failing })).toMatchObject({ kind: "unresolved" });
  expect(await checkTarget(url, { guard, lookup: silent, lookupMsMax: 10 })).toMatchObject({
    kind: "unresolved",
  });
});
