/** A service for tests of the supervisor: answers /health/ready, and behaves as its name says. */
import { formatProblems, readConfig } from "@millrace/config";

const reading = readConfig(process.env);
if (!reading.ok) throw new Error(formatProblems(reading.problems));
const { config } = reading;
const behaviour = process.env.FAKE_BEHAVIOUR ?? "polite";

if (behaviour === "misconfigured") {
  process.stderr.write("FAKE_BEHAVIOUR does not fit\n");
  process.exit(2);
}
if (behaviour === "crashing") {
  process.stderr.write("no luck today\n");
  process.exit(1);
}

Bun.serve({
  hostname: config.apiHost,
  port: config.healthPort === 0 ? config.apiPort : config.healthPort,
  fetch: () => new Response("ready"),
});
process.on("SIGTERM", () => {
  if (behaviour !== "deaf") process.exit(0);
});
