import { connect, createServer, type Socket } from "node:net";
import { scratch } from "./scratch.ts";

/** How a connection ends: with its request never sent, or with its answer never received. */
export type Cut = "before" | "after";

export interface PlannedCut {
  /** Counts what the client sends, over all connections, from the cut before; 1 is the next one. */
  readonly message: number;
  readonly cut: Cut;
}

/** A way to a server on which connections break at chosen messages, or on which everything stands still. */
export interface CuttingGate {
  readonly port: number;
  /** The URL with the gate's port instead of its own. */
  reroute(url: string): string;
  /** Cuts still to come. */
  readonly left: number;
  plan(cuts: readonly PlannedCut[]): void;
  /** Nothing passes any more and no connection ends, as when a machine or the network vanishes. */
  vanish(): void;
  /** New connections pass again; those of before stay as they are: dead, and nobody says so. */
  comeBack(): void;
  /** What the server's own TCP does about them in the end: for the server, the dead connections are closed. */
  bury(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Its last request was passed on, and its answer is to be lost. */
  isDoomed: boolean;
  isStalled: boolean;
}

export async function startCuttingGate(target: string): Promise<CuttingGate> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<Pair>();
  let plans: PlannedCut[] = [];
  let sent = 0;
  let isStalled = false;
  const end = (pair: Pair): void => {
    pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  };
  const onRequest = (pair: Pair, chunk: Buffer): void => {
    if (pair.isStalled) return;
    sent += 1;
    const [next] = plans;
    const isNow = next !== undefined && sent >= next.message;
    if (isNow) {
      plans = plans.slice(1);
      sent = 0;
      pair.isDoomed = true;
    }
    if (isNow && next.cut === "before") end(pair);
    else pair.server.write(chunk);
  };
  const onAnswer = (pair: Pair, chunk: Buffer): void => {
    if (pair.isDoomed) end(pair);
    else if (!pair.isStalled) pair.client.write(chunk);
  };
  const gate = createServer((client) => {
    const pair: Pair = { client, server: connect(Number(port), hostname), isDoomed: false, isStalled };
    pairs.add(pair);
    client.on("data", (chunk: Buffer) => onRequest(pair, chunk));
    pair.server.on("data", (chunk: Buffer) => onAnswer(pair, chunk));
    for (const socket of [client, pair.server]) {
      socket.on("error", () => {}); // Followed by close.
      socket.on("close", () => {
        if (!pair.isStalled) end(pair);
      });
    }
  });
  const own = await new Promise<number>((resolve, reject) => {
    gate.once("error", reject);
    gate.listen(0, "127.0.0.1", () => {
      const address = gate.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
    });
  });
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => gate.close(resolve));
    for (const pair of pairs) end(pair);
    await closed;
  };
  (await scratch()).atEnd(close);
  return {
    port: own,
    reroute: (url) => {
      const rerouted = new URL(url);
      rerouted.port = String(own);
      return rerouted.href;
    },
    get left() {
      return plans.length;
    },
    plan: (cuts) => {
      plans = [...cuts];
      sent = 0;
    },
    vanish: () => {
      isStalled = true;
      for (const pair of pairs) pair.isStalled = true;
    },
    comeBack: () => {
      isStalled = false;
    },
    bury: () => {
      for (const pair of pairs) if (pair.isStalled) pair.server.destroy();
    },
    close,
  };
}
