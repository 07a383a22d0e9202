import { randomBytes } from "node:crypto";
import { readIfThere, writePrivate } from "./files.ts";
import { StartFailure } from "./start-failure.ts";

/** Drawn at the first start, kept for all later ones. Never printed. */
export interface Secrets {
  readonly jwtSecret: string;
  readonly natsPassword: string;
  /** Of the superuser, whom only the stack itself uses. */
  readonly postgresPassword: string;
  /** Of the role that the services use. */
  readonly databasePassword: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly adminApiKey: string;
}

/** URL-safe, and never a number for a reader of configuration files (`1e5` would be one). */
function draw(prefix: string): string {
  return `${prefix}${randomBytes(24).toString("base64url")}`;
}

function drawAll(): Secrets {
  return {
    jwtSecret: draw("jwt-"),
    natsPassword: `nats-${randomBytes(24).toString("hex")}`,
    postgresPassword: draw("pg-"),
    databasePassword: draw("db-"),
    adminEmail: "admin@millrace.local",
    adminPassword: draw("admin-"),
    adminApiKey: draw("mr_"),
  };
}

/** The secrets in this file; what is missing is drawn and added. */
export function keepSecrets(path: string): Secrets {
  const kept = parse(readIfThere(path), path);
  const secrets = { ...drawAll(), ...kept };
  if (Object.keys(kept).length < Object.keys(secrets).length)
    writePrivate(path, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

function parse(text: string | undefined, path: string): Partial<Secrets> {
  if (text === undefined) return {};
  const advice = `Restore ${path}, or start afresh with another MILLRACE_HOME.`;
  let kept: unknown;
  try {
    kept = JSON.parse(text);
  } catch (cause) {
    throw new StartFailure(`${path} is not JSON`, advice, cause);
  }
  if (typeof kept !== "object" || kept === null || Array.isArray(kept))
    throw new StartFailure(`${path} does not hold secrets`, advice);
  for (const [name, value] of Object.entries(kept))
    if (typeof value !== "string" || value === "")
      throw new StartFailure(`${path}: ${name} is not a text`, advice);
  return kept; // An object of texts: each key of Secrets that it has, has the right type.
}
