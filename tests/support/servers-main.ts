/**
 * A NATS and a PostgreSQL as the product configures them, for a program that is no test: writes `NAME=value` lines to the
 * standard output when both are ready, and stops both when it is told to end.
 */
import { endScratch } from "./scratch.ts";
import { startNats, startPostgres } from "./servers.ts";

const told = new Promise<void>((resolve) => {
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => resolve());
});
try {
  const [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
  const lines = {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    NATS_MONITOR_URL: nats.monitorUrl,
  };
  const text = Object.entries(lines).map(([name, value]) => `${name}=${value}`);
  process.stdout.write(`${text.join("\n")}\n`);
  await told;
} finally {
  await endScratch();
}
