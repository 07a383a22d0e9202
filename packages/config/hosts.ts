/** Hosts as people write them in configuration: names, addresses, and blocks of addresses. */

const NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

function isIpv4(given: string): boolean {
  return IPV4.test(given);
}

function isIpv6(given: string): boolean {
  // The URL parser knows every form of an IPv6 address, and refuses zones, which mean nothing here.
  return given.includes(":") && /^[0-9a-f:.]{2,45}$/i.test(given) && URL.canParse(`http://[${given}]/`);
}

/** `api.internal`, `10.0.0.7`, `::1`. Digits and dots alone must be an address: `10.0.0.300` is no name. */
export function isHost(given: string): boolean {
  if (isIpv4(given) || isIpv6(given)) return true;
  return NAME.test(given) && !/^[\d.]+$/.test(given);
}

/** An address, or a block of them: `10.0.0.7`, `10.1.0.0/16`. Not all there are: whoever trusts everybody trusts liars. */
export function isAddressOrBlock(given: string): boolean {
  const [address = "", bits] = given.split("/");
  if (bits !== undefined) return Number(bits) > 0 && isHostOrBlock(given);
  return isIpv4(address) || isIpv6(address);
}

/** A host, or a block of addresses: `10.1.0.0/16`, `fd00::/8`. */
export function isHostOrBlock(given: string): boolean {
  const [address, bits, ...rest] = given.split("/");
  if (address === undefined || rest.length > 0) return false;
  if (bits === undefined) return isHost(address);
  if (!/^\d{1,3}$/.test(bits)) return false;
  return (isIpv4(address) && Number(bits) <= 32) || (isIpv6(address) && Number(bits) <= 128);
}
