import { join } from "node:path";
import { findNatsServer } from "@millrace/stack/nats/find-nats-server";
import { anyFreePort } from "@millrace/stack/ports";
import { natsAlarm } from "@millrace/stack/supervise/alarm";
import { withParentDeathSignal } from "@millrace/stack/supervise/parent-death";
import { untilTrue } from "./running-stack.ts";
import { scratch } from "./scratch.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const PROJECT = join(import.meta.dirname, "../..");
const CLUSTER_CONF = join(PROJECT, "nats/cluster.conf");
const LOCAL = "127.0.0.1";
const USER = "tester";
const PASSWORD = "only-for-tests";
const ROUTE_USER = "route";
const ROUTE_PASSWORD = "only-for-routes";
const ELECTED_MS_MAX = 60_000;
const LAME_DUCK_MS_MAX = 45_000;

export interface NatsNode extends ServerProcess {
  readonly name: string;
  /** With user and password. */
  readonly url: string;
  readonly monitorUrl: string;
  /** As a rolling upgrade does: hands over what it leads, asks its clients to leave, ends. Resolves when it is gone. */
  leave(): Promise<void>;
}

export interface NatsCluster {
  readonly nodes: readonly NatsNode[];
  /** All nodes, as NATS_URL takes them. */
  readonly url: string;
  /** All nodes, as NATS_MONITOR_URL takes them. */
  readonly monitorUrl: string;
  node(name: string): NatsNode;
  /** Of the whole cluster: who makes streams and consumers. */
  leader(): Promise<NatsNode>;
  /** Resolves when every node is up and has caught up with everything that it keeps. */
  untilWhole(): Promise<void>;
  stop(): Promise<void>;
}

/** Three real servers with routes between them, as nats/cluster.conf makes them. They end with the run, if not before. */
export async function startNatsCluster(size = 3): Promise<NatsCluster> {
  const { folder } = await scratch();
  const { path: binary } = await findNatsServer({
    env: process.env,
    fallbackFolder: folder("cache"),
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const places = await Promise.all(
    Array.from({ length: size }, async (_, index) => ({
      name: `nats-${index + 1}`,
      port: await anyFreePort(),
      monitorPort: await anyFreePort(),
      routePort: await anyFreePort(),
      storeFolder: folder("nats"),
    })),
  );
  const routes = places.map(
    ({ routePort }) => `nats-route://${ROUTE_USER}:${ROUTE_PASSWORD}@${LOCAL}:${routePort}`,
  );
  const nodes = await Promise.all(places.map((place) => startNode({ ...place, binary, routes })));
  const node = (name: string): NatsNode => {
    const found = nodes.find((each) => each.name === name);
    if (found === undefined) throw new Error(`there is no node ${name}`);
    return found;
  };
  const cluster: NatsCluster = {
    nodes,
    node,
    leader: async () => node(await metaLeaderOf(nodes)),
    url: nodes.map(({ url }) => url).join(","),
    monitorUrl: nodes.map(({ monitorUrl }) => monitorUrl).join(","),
    untilWhole: () =>
      untilTrue(
        async () => (await Promise.all(nodes.map(isWhole))).every(Boolean),
        ELECTED_MS_MAX,
        "a whole cluster",
      ),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
  await cluster.untilWhole();
  return cluster;
}

interface NodePlace {
  readonly name: string;
  readonly binary: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly routePort: number;
  readonly storeFolder: string;
  readonly routes: readonly string[];
}

async function startNode(place: NodePlace): Promise<NatsNode> {
  const { name, port, monitorPort, storeFolder } = place;
  const monitorUrl = `http://${LOCAL}:${monitorPort}`;
  const ports = [
    "-p",
    String(port),
    "-m",
    String(monitorPort),
    "--cluster",
    `nats://${LOCAL}:${place.routePort}`,
  ];
  const spec = {
    name,
    command: withParentDeathSignal("TERM", [
      place.binary,
      ...["-c", CLUSTER_CONF, ...ports, "-sd", storeFolder],
    ]),
    cwd: storeFolder,
    env: {
      PATH: process.env.PATH,
      NATS_USER: USER,
      NATS_PASSWORD: PASSWORD,
      NATS_NAME: name,
      NATS_HOST: LOCAL,
      NATS_ROUTE_USER: ROUTE_USER,
      NATS_ROUTE_PASSWORD: ROUTE_PASSWORD,
      NATS_ROUTES: `[${place.routes.join(", ")}]`,
    },
    stopSignal: "SIGTERM" as const,
    findAlarm: natsAlarm,
  };
  const server = await startServer(spec, () => doesAnswer(`${monitorUrl}/varz`));
  const leave = async (): Promise<void> => {
    process.kill(server.pid, "SIGUSR2");
    await untilTrue(() => !server.isRunning, LAME_DUCK_MS_MAX, `${name} leaves`);
  };
  const url = `nats://${USER}:${PASSWORD}@${LOCAL}:${port}`;
  return Object.assign(Object.create(server), { name, url, monitorUrl, leave });
}

async function doesAnswer(url: string): Promise<boolean> {
  return (await fetch(url).catch(() => undefined))?.ok ?? false;
}

async function metaLeaderOf([node]: readonly NatsNode[]): Promise<string> {
  const report = (await (await fetch(`${node?.monitorUrl}/jsz`)).json()) as {
    readonly meta_cluster?: { readonly leader?: string };
  };
  return report.meta_cluster?.leader ?? "";
}

/** Its own health check says no until it knows a leader and has all that the others have. */
async function isWhole({ monitorUrl }: NatsNode): Promise<boolean> {
  return await doesAnswer(`${monitorUrl}/healthz`);
}
