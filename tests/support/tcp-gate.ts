import { connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server that can be shut: connections break, and new ones are refused, as when the server dies. */
export interface TcpGate {
  readonly port: number;
  shut(): Promise<void>;
  open(): Promise<void>;
}

export async function startTcpGate(target: {
  readonly host: string;
  readonly port: number;
}): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  const join = (client: Socket) => {
    const upstream = connect(target.port, target.host);
    pass(client, upstream, sockets);
    pass(upstream, client, sockets);
  };
  let server: Server | undefined = createServer(join);
  const port = await listen(server, 0);
  return {
    port,
    open: async () => {
      if (server !== undefined) return;
      server = createServer(join);
      await listen(server, port);
    },
    shut: async () => {
      const shutting = server;
      if (shutting === undefined) return;
      server = undefined;
      const closed = new Promise((resolve) => shutting.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** When one side goes, so does the other. */
function pass(from: Socket, to: Socket, sockets: Set<Socket>): void {
  sockets.add(from);
  from.pipe(to);
  from.on("error", () => to.destroy());
  from.on("close", () => {
    sockets.delete(from);
    to.destroy();
  });
}

/** @returns the port, which the system chooses when it is 0. */
function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
