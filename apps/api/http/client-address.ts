import { isIPv6 } from "node:net";

/**
 * Whom failed logins are counted for. One IPv6 customer has at least a /64, so a /64 counts as one address, and an
 * IPv4 address written as IPv6 counts as what it is. Behind a proxy this is the proxy: its own limits apply there.
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
