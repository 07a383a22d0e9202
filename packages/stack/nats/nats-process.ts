import { mkdirSync } from "node:fs";
import { PRIVATE_FOLDER } from "../files.ts";
import { natsAlarm } from "../supervise/alarm.ts";
import { withParentDeathSignal } from "../supervise/parent-death.ts";
import type { ProcessSpec } from "../supervise/process-spec.ts";

export interface NatsPlace {
  readonly binary: string;
  /** `nats/server.conf` of the project. */
  readonly configPath: string;
  readonly storeFolder: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly user: string;
  readonly password: string;
}

/** nats-server with the project's own configuration; what differs from stack to stack comes as flags and variables. */
export function natsProcess(place: NatsPlace): ProcessSpec {
  mkdirSync(place.storeFolder, { recursive: true, mode: PRIVATE_FOLDER });
  const ports = ["-p", String(place.port), "-m", String(place.monitorPort)];
  return {
    name: "nats",
    command: withParentDeathSignal("TERM", [
      place.binary,
      ...["-c", place.configPath, ...ports, "-sd", place.storeFolder],
    ]),
    cwd: place.storeFolder,
    // By the environment: the command line can be read by every user of the machine.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NATS_USER: place.user,
      NATS_PASSWORD: place.password,
    },
    stopSignal: "SIGTERM",
    findAlarm: natsAlarm,
  };
}

export function natsUrl({ user, password, port }: NatsPlace): string {
  return `nats://${user}:${password}@127.0.0.1:${port}`;
}

export function natsMonitorUrl({ monitorPort }: NatsPlace): string {
  return `http://127.0.0.1:${monitorPort}`;
}
