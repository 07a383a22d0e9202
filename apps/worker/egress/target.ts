import { isIP } from "node:net";
import { HTTP_CONNECT_MS_MAX } from "@millrace/core/limits";
import type { Lookup } from "./lookup.ts";
import { type EgressGuard, toName } from "./policy.ts";

/** Where a URL leads, checked. A connection goes to one of `addresses`, and nobody looks the name up again. */
export interface Target {
  readonly kind: "target";
  /** The name for TLS, without a dot at its end; an address when the URL holds one. */
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly string[];
}

export type TargetFailure =
  | { readonly kind: "forbidden"; readonly message: string }
  | { readonly kind: "unresolved"; readonly message: string };

export interface TargetPorts {
  readonly guard: EgressGuard;
  readonly lookup: Lookup;
  readonly lookupMsMax?: number;
}

const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/**
 * Looks the name up once and checks every address it has: one forbidden address among public ones refuses the call, else
 * whoever owns the name could choose by luck or by retries.
 */
export async function checkTarget(url: URL, ports: TargetPorts): Promise<Target | TargetFailure> {
  const defaultPort = PORTS[url.protocol];
  if (defaultPort === undefined)
    return { kind: "forbidden", message: `${url.protocol} is neither http nor https` };
  if (url.username !== "" || url.password !== "")
    return { kind: "forbidden", message: "the URL carries a user name or password" };
  const port = url.port === "" ? defaultPort : Number(url.port);
  if (ports.guard.isPortDenied(port)) return { kind: "forbidden", message: `port ${port} is not allowed` };
  const host = toName(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const addresses = isIP(host) === 0 ? await lookUp(host, ports) : [host];
  if (typeof addresses === "string") return { kind: "unresolved", message: addresses };
  for (const address of addresses) {
    const reason = ports.guard.refusal(address, host);
    if (reason !== undefined) return { kind: "forbidden", message: `${host} is at ${address}: ${reason}` };
  }
  return { kind: "target", host, port, addresses };
}

/** The addresses, or a text that says why there are none. */
async function lookUp(host: string, ports: TargetPorts): Promise<readonly string[] | string> {
  const lookupMsMax = ports.lookupMsMax ?? HTTP_CONNECT_MS_MAX;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer for ${host} within ${lookupMsMax} ms`), lookupMsMax);
  });
  try {
    const addresses = await Promise.race([ports.lookup(host), late]);
    return addresses.length === 0 ? `${host} has no address` : addresses;
  } catch (error) {
    return `${host} cannot be resolved (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    clearTimeout(timer);
  }
}
