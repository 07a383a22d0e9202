import { connect, createServer, type Socket } from "node:net";
import { scratch } from "../scratch.ts";

export interface HealthProxy {
  readonly url: string;
  /** Ports of those that said that they are ready when they were asked last. */
  ready(): readonly number[];
}

const CHECK_EVERY_MS = 250;
const CHECK_MS_MAX = 2_500;

/**
 * Passes connections on to servers that are ready, in turn, as a load balancer does. A server that refuses the connection
 * is followed by the next one; what was sent once is never sent again.
 */
export async function startHealthProxy(ports: readonly number[]): Promise<HealthProxy> {
  const ready = new Set<number>();
  const check = async (port: number): Promise<void> => {
    if (await isReady(port)) ready.add(port);
    else ready.delete(port);
  };
  await Promise.all(ports.map(check));
  const timers = ports.map((port) => setInterval(() => void check(port), CHECK_EVERY_MS));
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    keep(client, sockets);
    turn += 1;
    const inTurn = ports.map((_, index) => ports[(index + turn) % ports.length] ?? 0);
    const [known, others] = [
      inTurn.filter((port) => ready.has(port)),
      inTurn.filter((port) => !ready.has(port)),
    ];
    join(client, [...known, ...others], sockets);
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
    });
  });
  (await scratch()).atEnd(async () => {
    for (const timer of timers) clearInterval(timer);
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return { url: `http://127.0.0.1:${port}`, ready: () => ports.filter((each) => ready.has(each)) };
}

async function isReady(port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(CHECK_MS_MAX);
    const { status } = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal, keepalive: false });
    return status === 200;
  } catch {
    return false;
  }
}

function keep(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
}

function join(client: Socket, [port, ...others]: readonly number[], sockets: Set<Socket>): void {
  if (port === undefined) {
    client.destroy();
    return;
  }
  const server = connect(port, "127.0.0.1");
  keep(server, sockets);
  let isJoined = false;
  server.once("connect", () => {
    isJoined = true;
    client.pipe(server);
    server.pipe(client);
  });
  server.on("error", () => {
    if (isJoined) client.destroy();
    else join(client, others, sockets);
  });
  client.on("error", () => server.destroy());
  client.on("close", () => server.destroy());
}
