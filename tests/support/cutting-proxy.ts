import { connect, createServer, type Socket } from "node:net";
import type { Dice } from "./dice.ts";
import { scratch } from "./scratch.ts";

export interface CuttingProxy {
  readonly url: string;
  /** Cuts still to come. */
  readonly left: number;
  close(): Promise<void>;
}

export interface CutPlan {
  readonly cuts: number;
  /** How many bytes clients send between two cuts. */
  readonly bytesMin: number;
  readonly bytesMax: number;
  readonly dice: Dice;
}

/** "sending": in the midst of what the client sends. "answering": the next answer is lost. */
type Moment = "sending" | "answering";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Its next answer is to be lost. */
  isDoomed: boolean;
  /** It ends within a request: what else arrives would leave a hole. */
  isCut: boolean;
}

/** A way to a server on which connections break at random: within a request, or before its answer. */
export async function startCuttingProxy(target: number, plan: CutPlan): Promise<CuttingProxy> {
  const { dice } = plan;
  const pairs = new Set<Pair>();
  let left = plan.cuts;
  const draw = () => dice.between(plan.bytesMin, plan.bytesMax);
  let untilCut = draw();
  const end = (pair: Pair): void => {
    pairs.delete(pair);
    // As a network does: sometimes with a word, sometimes without.
    if (dice.throw() < 0.5) pair.client.resetAndDestroy();
    else pair.client.destroy();
    pair.server.destroy();
  };
  const onSent = (pair: Pair, chunk: Buffer): void => {
    if (pair.isCut) return;
    untilCut -= chunk.length;
    if (left === 0 || untilCut > 0) {
      passOn(pair.client, pair.server, chunk);
      return;
    }
    left -= 1;
    untilCut = draw();
    const moment: Moment = dice.pick(["sending", "answering"]);
    if (moment === "answering") {
      pair.isDoomed = true;
      passOn(pair.client, pair.server, chunk);
      return;
    }
    pair.isCut = true;
    pair.server.write(chunk.subarray(0, dice.between(0, chunk.length)), () => end(pair));
  };
  const proxy = createServer((client) => {
    const pair: Pair = { client, server: connect(target, "127.0.0.1"), isDoomed: false, isCut: false };
    pairs.add(pair);
    client.on("data", (chunk: Buffer) => onSent(pair, chunk));
    pair.server.on("data", (chunk: Buffer) => {
      if (pair.isDoomed) end(pair);
      else passOn(pair.server, client, chunk);
    });
    for (const socket of [client, pair.server]) {
      socket.on("error", () => {}); // Followed by close.
      socket.on("close", () => {
        if (pairs.has(pair)) end(pair);
      });
    }
  });
  const port = await new Promise<number>((resolve, reject) => {
    proxy.once("error", reject);
    proxy.listen(0, "127.0.0.1", () => {
      const address = proxy.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
    });
  });
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => proxy.close(resolve));
    for (const pair of pairs) end(pair);
    await closed;
  };
  (await scratch()).atEnd(close);
  return {
    url: `http://127.0.0.1:${port}`,
    get left() {
      return left;
    },
    close,
  };
}

/** No faster than the other side reads. */
function passOn(from: Socket, to: Socket, chunk: Buffer): void {
  if (to.write(chunk)) return;
  from.pause();
  to.once("drain", () => from.resume());
}
