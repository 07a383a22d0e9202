import { formatProblems } from "@millrace/config";
import { buildDashboard } from "./build-dashboard.ts";
import { type Home, homeAt, makeHome } from "./home.ts";
import { type Lock, tryLock } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { adminOf, type Env, readOptions, type StackOptions } from "./options.ts";
import { stopLeftovers } from "./pid-file.ts";
import { PortClaims } from "./ports.ts";
import { ProcessGroup } from "./process-group.ts";
import { readApiUrl, removeRunFile, writeRunFile } from "./run-file.ts";
import { keepSecrets } from "./secrets.ts";
import { SERVICES, type Service } from "./services.ts";
import { messageOf, StartFailure } from "./start-failure.ts";
import { type Ground, startNats, startPostgres } from "./start-servers.ts";
import { serviceEnvironment, startServices } from "./start-services.ts";
import { watchStopSignals } from "./stop-signals.ts";

export interface UpInput {
  readonly env: Env;
  readonly projectFolder: string;
  /** Writes one line for the person at the terminal. */
  readonly say: (line: string) => void;
  readonly services?: readonly Service[];
}

/** Starts the whole stack, keeps it running until a signal asks for its end, and drains it. Returns the exit status. */
export async function up(input: UpInput): Promise<number> {
  const { env, projectFolder, say } = input;
  const reading = readOptions(env, projectFolder);
  if (!reading.ok) {
    say(`Millrace cannot start, its configuration is wrong:\n${formatProblems(reading.problems)}`);
    return 2;
  }
  const { options } = reading;
  for (const { name, message } of options.warnings) say(`note: ${name} ${message}`);
  const home = homeAt(options.home);
  try {
    makeHome(home);
    const lock = lockHome(home);
    try {
      return await runLocked(input, options, home);
    } finally {
      lock.release();
    }
  } catch (error) {
    say(`\nMillrace cannot start: ${error instanceof StartFailure ? error.message : describe(error)}`);
    return 1;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function lockHome(home: Home): Lock {
  let lock: Lock | undefined;
  try {
    lock = tryLock(home.lock);
  } catch (cause) {
    const advice = "Does it belong to another user? Choose another folder with MILLRACE_HOME.";
    throw new StartFailure(`${home.path} cannot be used (${messageOf(cause)})`, advice, cause);
  }
  if (lock !== undefined) return lock;
  const url = readApiUrl(home.run);
  const where = url === undefined ? "and is starting or stopping" : `at ${url}`;
  const advice = "Stop it with Ctrl-C in its terminal, or start another one with another MILLRACE_HOME.";
  throw new StartFailure(`it is already running in ${home.path}, ${where}`, advice);
}

async function runLocked(input: UpInput, options: StackOptions, home: Home): Promise<number> {
  const { say } = input;
  const processes = new ProcessGroup(home, say);
  const ports = new PortClaims(({ name, port: taken }, port) =>
    say(`  ${name}: port ${taken} is taken, using ${port}`),
  );
  const stopping = new AbortController();
  const stop = watchStopSignals();
  void stop.asked.then(() => stopping.abort());
  removeRunFile(home.run); // What a killed stack left behind is not true any more.
  say(`Millrace starts in ${home.path}`);
  let status = 0;
  try {
    const ground = {
      ...{ env: input.env, projectFolder: input.projectFolder, options, home, processes, ports, say },
      ...{ secrets: keepSecrets(home.secrets), signal: stopping.signal },
    };
    await bringUp(ground, input.services ?? SERVICES);
    await stop.asked;
  } catch (error) {
    const wasAsked = stopping.signal.aborted;
    stopping.abort(); // What is still being started must not appear after the rest was stopped.
    if (!wasAsked) {
      status = 1;
      say(`\nMillrace cannot start: ${error instanceof StartFailure ? error.message : describe(error)}`);
    }
  }
  removeRunFile(home.run); // Before the first process stops: whoever reads it may rely on it.
  await bringDown(processes, stop.forced, say);
  ports.releaseAll();
  stop.forget();
  return status;
}

async function bringUp(ground: Ground, services: readonly Service[]): Promise<void> {
  const { home, options, processes, projectFolder, say, secrets, signal } = ground;
  const leftovers = await stopLeftovers(home.pids);
  if (leftovers.length > 0) say(`  stopped what a killed stack had left: ${leftovers.join(", ")}`);
  const dashboard = buildDashboard({ ...ground, projectFolder }); // Meanwhile: it needs no server.
  const [nats, databaseUrl] = await allOrFirstFailure([startNats(ground), startPostgres(ground)]);
  const dashboardFolder = await dashboard;
  const environment = serviceEnvironment(ground, { nats, databaseUrl, dashboardFolder });
  say(`  schema     ${await migrate(projectFolder, environment, signal)}`);
  const { apiUrl } = await startServices(ground, services, environment);
  signal.throwIfAborted();

  const admin = adminOf(options.config, secrets);
  const announce = () =>
    writeRunFile(home.run, {
      api_url: apiUrl,
      nats_url: nats.url,
      nats_monitor_url: nats.monitorUrl,
      database_url: databaseUrl,
      admin: { email: admin.email, password: admin.password },
      api_key: admin.apiKey,
      processes: processes.running,
    });
  announce();
  processes.onChange(() => {
    if (!signal.aborted) announce();
  });
  say(`\ndashboard ${apiUrl}/   API ${apiUrl}/docs   metrics ${apiUrl}/metrics`);
  say(`log in as ${admin.email}; the password and an API key are in ${home.run}`);
  say("Ctrl-C drains and stops everything");
  say(`ready ${apiUrl}`);
}

/** Like Promise.all, but waits for both to settle: nothing may be started after we have begun to stop. */
async function allOrFirstFailure<A, B>(both: readonly [Promise<A>, Promise<B>]): Promise<[A, B]> {
  await Promise.allSettled(both);
  return Promise.all(both);
}

async function bringDown(
  processes: ProcessGroup,
  forced: Promise<void>,
  say: (line: string) => void,
): Promise<void> {
  if (processes.running.length > 0) say("\ndraining (Ctrl-C again stops at once) …");
  const drained = processes.drain();
  const aborted = forced.then(async () => {
    say("stopping at once");
    await processes.abort();
    return { killed: [] };
  });
  const { killed } = await Promise.race([drained, aborted]);
  if (killed.length > 0) say(`did not end in time and were killed: ${killed.join(", ")}`);
  say("stopped");
}
