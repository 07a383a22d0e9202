/** `up` with fake services, and with the real NATS and PostgreSQL only where the environment does not name others. */
import { join } from "node:path";
import { up } from "@millrace/stack";

const ENTRY = "tests/support/fake-service.ts";

process.exitCode = await up({
  env: process.env,
  projectFolder: join(import.meta.dirname, "../.."),
  say: (line) => void process.stdout.write(`${line}\n`),
  services: [
    { name: "api", entry: ENTRY, portVariable: "API_PORT", port: 8000 },
    { name: "worker", entry: ENTRY, portVariable: "HEALTH_PORT", port: 18_082 },
  ],
});
