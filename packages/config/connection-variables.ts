import { choice, count, text, url, urls } from "./kinds.ts";
import { isPath } from "./paths.ts";

export const connections = {
  databaseUrl: url({
    name: "DATABASE_URL",
    about: "PostgreSQL.",
    default: undefined,
    defaultText: "(`bun start` starts an embedded one)",
    schemes: ["postgres", "postgresql"],
    isSecret: true,
  }),
  natsUrls: urls({
    name: "NATS_URL",
    about:
      "The NATS servers, several of one cluster separated by commas; 2.14 or newer, JetStream on, sync_interval always.",
    default: undefined,
    defaultText: "(`bun start` starts an embedded one)",
    schemes: ["nats", "tls"],
    isSecret: true,
  }),
  natsMonitorUrls: urls({
    name: "NATS_MONITOR_URL",
    about:
      "The monitoring endpoints of the NATS servers, where the start-up check reads whether writes are synced; each address behind a name is asked.",
    default: undefined,
    defaultText: "(that of the embedded server)",
    schemes: ["http", "https"],
  }),
  natsReplicas: count({
    name: "NATS_REPLICAS",
    about:
      "On how many NATS servers each message is stored; 3 needs a cluster of three. Streams are raised to it, never lowered.",
    default: 1,
    choices: [1, 3, 5],
  }),
  natsProvision: choice({
    name: "NATS_PROVISION",
    about:
      "Whether services make and mend their streams, or refuse to start when these are not as nats/ says, where somebody else owns them.",
    default: "apply",
    choices: ["apply", "verify"],
  }),
  natsServerBin: text({
    name: "NATS_SERVER_BIN",
    about: "The nats-server binary to embed, 2.14 or newer.",
    default: undefined,
    defaultText: "(nats-server on PATH, else a cached copy, else fetched)",
    expects: "the path of a file",
    isValid: isPath,
  }),
  home: text({
    name: "MILLRACE_HOME",
    about: "The folder for the embedded servers, uploads and run.json; several stacks need several.",
    default: ".millrace",
    expects: "the path of a folder",
    isValid: isPath,
  }),
};
