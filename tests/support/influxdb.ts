import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { anyFreePort } from "@millrace/stack/ports";
import { answersOk } from "@millrace/stack/readiness";
import { withParentDeathSignal } from "@millrace/stack/supervise/parent-death";
import { scratch } from "./scratch.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

export interface Influxdb extends ServerProcess {
  readonly url: string;
  readonly version: string;
}

const PACKAGE = "influxdb";

/**
 * InfluxDB 1.x, to be measured beside: `influxd` on the PATH, else from Debian's package, which is unpacked into this
 * run's folder and not installed. Undefined where there is neither.
 */
export async function startInfluxdb(): Promise<Influxdb | undefined> {
  const { folder } = await scratch();
  const binary = Bun.which("influxd") ?? (await unpackInfluxd(folder(PACKAGE)));
  if (binary === undefined) return undefined;
  const place = folder("influxdb-data");
  const [port, rpcPort] = [await anyFreePort(), await anyFreePort()];
  const configPath = join(place, "influxdb.conf");
  await Bun.write(configPath, configuration(place, port, rpcPort));
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer(
    {
      name: "influxdb",
      command: withParentDeathSignal("TERM", [binary, "-config", configPath]),
      cwd: place,
      env: { PATH: process.env.PATH, HOME: place },
      stopSignal: "SIGTERM",
      findAlarm: () => undefined,
    },
    () => answersOk(`${url}/query?q=show+databases`),
  );
  const version = (await fetch(`${url}/ping`)).headers.get("X-Influxdb-Version") ?? "of an unknown version";
  return Object.assign(Object.create(server) as ServerProcess, { url, version });
}

/** Every write is synced before it is answered (`wal-fsync-delay` of 0); the rest is as it comes. */
function configuration(place: string, port: number, rpcPort: number): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[meta]
  dir = "${place}/meta"
[data]
  dir = "${place}/data"
  wal-dir = "${place}/wal"
  wal-fsync-delay = "0s"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "error"
`;
}

async function unpackInfluxd(place: string): Promise<string | undefined> {
  if (Bun.which("apt-get") === null || Bun.which("dpkg") === null) return undefined;
  mkdirSync(place, { recursive: true });
  const download = Bun.spawn(["apt-get", "-q", "-o", "APT::Sandbox::User=", "download", PACKAGE], {
    ...{ cwd: place, stdin: "ignore", stdout: "ignore", stderr: "ignore", timeout: 120_000 },
  });
  if ((await download.exited) !== 0) return undefined;
  const deb = readdirSync(place).find((name) => name.endsWith(".deb"));
  if (deb === undefined) return undefined;
  const unpack = Bun.spawn(["dpkg", "-x", deb, "unpacked"], {
    ...{ cwd: place, stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  });
  await unpack.exited;
  const binary = join(place, "unpacked/usr/bin/influxd");
  return existsSync(binary) ? binary : undefined;
}
