/** The process that brings the database to the newest schema, and ends. `DATABASE_URL` says where. */
import { formatProblems, readConfig } from "@millrace/config";
import { migrate } from "./migrate.ts";

async function main(): Promise<number> {
  const reading = readConfig(process.env, ["databaseUrl"]);
  if (!reading.ok) {
    process.stderr.write(
      `cannot migrate, the configuration is wrong:\n${formatProblems(reading.problems)}\n`,
    );
    return 2;
  }
  try {
    const { applied } = await migrate(reading.config.databaseUrl);
    process.stdout.write(applied.length === 0 ? "schema is up to date\n" : `applied ${applied.join(", ")}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`cannot migrate: ${describe(error)}\n`);
    return 1;
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

process.exitCode = await main();
