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

async function isPortFree(port: number, { name, host }: Omit<PortWish, "port">): Promise<boolean> {
  try {
    await listenOnce(port, host);
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EADDRINUSE") return false;
    const advice = codeOf(cause) === "EACCES" ? "Ports below 1024 need rights; choose a higher one." : "";
    throw new StartFailure(`${name} cannot listen on ${host}:${port} (${codeOf(cause)})`, advice, cause);
  }
}

/**
 * Below what systems give to outgoing connections (from 32 768 on Linux, from 49 152 elsewhere): such a connection could take
 * a port between the moment when it was found free and the one when its server listens, or while that one is restarted.
 */
const ANY_FROM = 10_000;
const ANY_TO = 32_767;
/** Each process begins elsewhere and goes on from there, so that two do not find the same one at the same time. */
let next = ANY_FROM + Math.floor(Math.random() * (ANY_TO - ANY_FROM));

/** A port that nothing listens on at this moment. */
export async function anyFreePort(host = "127.0.0.1"): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    next = next >= ANY_TO ? ANY_FROM : next + 1;
    const port = next; // Others may ask meanwhile.
    if (await isPortFree(port, { name: "anything", host })) return port;
  }
  throw new StartFailure(`no free port between ${ANY_FROM} and ${ANY_TO} on ${host}`);
}

function listenOnce(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve()));
  });
}
