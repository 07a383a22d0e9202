import ipaddr from "ipaddr.js";

/** Which addresses outgoing calls may reach, beyond those of the public internet. */
export interface EgressPolicy {
  readonly allowLoopback: boolean;
  /** Host names, addresses and blocks (`10.1.0.0/16`) that may be called although they are not public. */
  readonly allow: readonly string[];
  /** Ports that are never called, whatever the address: those of our own broker and database, for example. */
  readonly denyPorts?: readonly number[];
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Block = readonly [Address, number];

/** Public addresses by their range, which yet answer with the secrets of the machine that asks. */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set(["168.63.129.16"]); // Azure's host agent.
/** All of IPv6 that is routed worldwide; what lies outside is special, be it listed or not. */
const GLOBAL_UNICAST: Block = [ipaddr.IPv6.parse("2000::"), 3];

/** Answers, for one address or name at a time, whether a call may go there. Knows nothing of DNS. */
export class EgressGuard {
  readonly #allowLoopback: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #blocks: readonly Block[];
  readonly #denyPorts: ReadonlySet<number>;

  /** Throws when an entry of `allow` is neither a name nor an address nor a block. */
  constructor(policy: EgressPolicy) {
    this.#allowLoopback = policy.allowLoopback;
    this.#denyPorts = new Set(policy.denyPorts ?? []);
    const blocks = policy.allow.map(toBlock);
    this.#blocks = blocks.filter((block) => block !== undefined);
    this.#names = new Set(policy.allow.filter((_, index) => blocks[index] === undefined).map(toName));
  }

  isPortDenied(port: number): boolean {
    return this.#denyPorts.has(port);
  }

  /** Why the address must not be called, for people; undefined when it may be. `host` is the name that led to it. */
  refusal(address: string, host: string): string | undefined {
    if (this.#names.has(host)) return undefined;
    if (!ipaddr.isValid(address)) return "it is not an address";
    const parsed = ipaddr.parse(address);
    if (this.#blocks.some((block) => isWithin(parsed, block))) return undefined;
    const range = parsed.range();
    if (range === "loopback") return this.#allowLoopback ? undefined : "loopback addresses are not allowed";
    if (METADATA_ADDRESSES.has(parsed.toString())) return "it is a metadata service";
    // Mapped and translated forms (::ffff:…, 64:ff9b::, 2002::) have ranges of their own and end here too.
    if (range !== "unicast") return `it is not a public address (${range})`;
    if (parsed.kind() === "ipv6" && !isWithin(parsed, GLOBAL_UNICAST))
      return "it is not a public address (outside 2000::/3)";
    return undefined;
  }
}

/** A name as the guard compares it: as the URL parser writes it, without the dot at its end. */
export function toName(host: string): string {
  const parsed = URL.parse(`http://${host}:81/`);
  // The whole text must be the host: neither "10.0.0.0/99" nor "name:80" is one.
  if (parsed === null || parsed.href !== `http://${parsed.hostname}:81/`)
    throw new Error(`not a host, address or block: ${host}`);
  return parsed.hostname.replace(/\.$/, "");
}

function toBlock(entry: string): Block | undefined {
  if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry);
  if (ipaddr.IPv6.isValid(entry)) return [ipaddr.IPv6.parse(entry), 128];
  return ipaddr.IPv4.isValidFourPartDecimal(entry) ? [ipaddr.IPv4.parse(entry), 32] : undefined;
}

function isWithin(address: Address, [network, bits]: Block): boolean {
  if (address instanceof ipaddr.IPv4) return network instanceof ipaddr.IPv4 && address.match(network, bits);
  return network instanceof ipaddr.IPv6 && address.match(network, bits);
}
