import { freshDatabase } from "./servers.ts";

type Environment = Readonly<Record<string, string>>;

/**
 * For `startStack` and `startTaskStack`: a stack that uses this run's PostgreSQL, with a migrated database of its own,
 * instead of making and starting one, which is near half of what a stack costs to start. That server does not sync, and
 * other tests use it: a story that stops it, looks at its process or settings, or measures, lets its stack bring its own,
 * and so do the command line's and many of the page's, so that the stack is seen as its user starts it.
 */
export async function onSharedPostgres(env: Environment = {}): Promise<Environment> {
  const { url } = await freshDatabase({ migrated: true });
  return { ...env, DATABASE_URL: url };
}
