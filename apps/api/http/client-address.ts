import { BlockList, isIP, isIPv6 } from "node:net";
import { FORWARDED_HOPS_MAX } from "@millrace/core/limits";

/**
 * Whom failed logins are counted for. One IPv6 customer has at least a /64, so a /64 counts as one address, and an
 * IPv4 address written as IPv6 counts as what it is.
 */
export function addressGroup(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.toLowerCase().replace(/%.*$/, "").split("::");
  const groups = head === "" ? [] : head.split(":");
  const tailGroups = tail === undefined || tail === "" ? [] : tail.split(":");
  if (tail !== undefined) while (groups.length + tailGroups.length < 8) groups.push("0");
  const network = [...groups, ...tailGroups].slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

/** What a proxy wrote of whom it answered: an address, perhaps with a port; undefined when it is none. */
function addressIn(entry: string): string | undefined {
  const text = entry.trim();
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : bare;
}

/**
 * Finds out who calls, given who connected and what X-Forwarded-For says. Each proxy adds whom it saw at the right, so the
 * list is read from there, and only past proxies that are trusted: what stands left of the first address that is none of
 * them was written by whoever has that address, who may write what he likes. Who connects without being a proxy of ours is
 * the caller, whatever he sends.
 *
 * @param proxies addresses and blocks, as TRUSTED_PROXIES has them.
 */
export function callerBehind(
  proxies: readonly string[],
): (peer: string | undefined, forwardedFor: string | null) => string | undefined {
  if (proxies.length === 0) return (peer) => peer;
  const trusted = new BlockList();
  for (const each of proxies) {
    const [address = "", bits] = each.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  return (peer, forwardedFor) => {
    if (peer === undefined || forwardedFor === null || !isTrusted(peer)) return peer;
    let nearest = peer;
    const hops = forwardedFor.split(",").slice(-FORWARDED_HOPS_MAX).reverse();
    for (const hop of hops) {
      const address = addressIn(hop);
      // A proxy of ours wrote no address: then it speaks for itself.
      if (address === undefined) return nearest;
      nearest = address;
      if (!isTrusted(address)) return address;
    }
    return nearest;
  };
}
