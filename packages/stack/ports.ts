import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { PRIVATE_FOLDER } from "./files.ts";
import { type Lock, tryLock } from "./lock.ts";
import { codeOf, StartFailure } from "./start-failure.ts";

const TRIES_MAX = 200;
const PORT_MAX = 65_535;

export interface PortWish {
  /** What for: `api`. */
  readonly name: string;
  /** 0: any. */
  readonly port: number;
  readonly host: string;
}

/**
 * Ports for one stack. The wished one if it is free, else the next free one. Each is locked on this machine until the
 * stack ends, so that two stacks that start at the same moment do not both find the same port free.
 */
export class PortClaims {
  readonly #folder: string;
  readonly #locks: Lock[] = [];
  readonly #onTaken: (wish: PortWish, port: number) => void;

  constructor(onTaken: (wish: PortWish, port: number) => void) {
    this.#onTaken = onTaken;
    this.#folder = join(tmpdir(), `millrace-ports-${userInfo().uid}`);
    mkdirSync(this.#folder, { recursive: true, mode: PRIVATE_FOLDER });
  }

  async claim(wish: PortWish): Promise<number> {
    const from = wish.port === 0 ? await anyFreePort(wish.host) : wish.port;
    for (let port = from; port <= Math.min(PORT_MAX, from + TRIES_MAX); port += 1) {
      if (!(await this.#tryClaim(port, wish))) continue;
      if (port !== wish.port && wish.port !== 0) this.#onTaken(wish, port);
      return port;
    }
    throw new StartFailure(`no free port for ${wish.name} from ${from} on`);
  }

  releaseAll(): void {
    for (const lock of this.#locks.splice(0)) lock.release();
  }

  async #tryClaim(port: number, wish: PortWish): Promise<boolean> {
    const lock = tryLock(join(this.#folder, String(port)));
    if (lock === undefined) return false;
    let isFree = false;
    try {
      isFree = await isPortFree(port, wish);
    } finally {
      if (isFree) this.#locks.push(lock);
      else lock.release();
    }
    return isFree;
  }
}

async function isPortFree(port: number, { name, host }: PortWish): Promise<boolean> {
  try {
    await listenOnce(port, host);
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EADDRINUSE") return false;
    const advice = codeOf(cause) === "EACCES" ? "Ports below 1024 need rights; choose a higher one." : "";
    throw new StartFailure(`${name} cannot listen on ${host}:${port} (${codeOf(cause)})`, advice, cause);
  }
}

/** A port that nothing listens on at this moment. */
export function anyFreePort(host = "127.0.0.1"): Promise<number> {
  return listenOnce(0, host);
}

function listenOnce(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}
