import { join } from "node:path";
import type { Home } from "./home.ts";
import { PidFile } from "./pid-file.ts";
import type { RunningProcess } from "./run-file.ts";
import { BoundedEcho } from "./supervise/alarm.ts";
import { type Drained, drain } from "./supervise/drain.ts";
import { LogFile } from "./supervise/log-file.ts";
import type { ProcessSpec } from "./supervise/process-spec.ts";
import { Supervised, type Watcher } from "./supervise/supervised.ts";

/** The processes of one stack: started, kept running, written down, and stopped in order. */
export class ProcessGroup {
  readonly #home: Home;
  readonly #say: (line: string) => void;
  readonly #echo: BoundedEcho;
  readonly #pids: PidFile;
  readonly #logs: LogFile[] = [];
  readonly #servers: Supervised[] = [];
  readonly #services: Supervised[] = [];
  #onChange: () => void = () => {};
  #isStopping = false;

  constructor(home: Home, say: (line: string) => void) {
    this.#home = home;
    this.#say = say;
    this.#echo = new BoundedEcho(say, () => performance.now());
    this.#pids = new PidFile(home.pids);
  }

  /** Starts what the services need: NATS, PostgreSQL. It is stopped after them. */
  startServer(spec: ProcessSpec): Supervised {
    return this.#start(spec, this.#servers);
  }

  startService(spec: ProcessSpec): Supervised {
    return this.#start(spec, this.#services);
  }

  /** What runs at this moment. */
  get running(): readonly RunningProcess[] {
    const all = [...this.#servers, ...this.#services];
    return all.flatMap(({ spec, pid }) => (pid === undefined ? [] : [{ name: spec.name, pid }]));
  }

  /** Calls back whenever a process was started again, since its pid is another one now. */
  onChange(callback: () => void): void {
    this.#onChange = callback;
  }

  async drain(): Promise<Drained> {
    this.#isStopping = true;
    const drained = await drain(this.#services, this.#servers);
    this.#end();
    return drained;
  }

  /** Everything at once: for the second Ctrl-C. */
  async abort(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#services.map((each) => each.abort()));
    await Promise.all(this.#servers.map((each) => each.abort()));
    this.#end();
  }

  #end(): void {
    this.#pids.clear();
    for (const log of this.#logs.splice(0)) log.close();
  }

  #start(spec: ProcessSpec, group: Supervised[]): Supervised {
    const path = join(this.#home.logs, `${spec.name}.log`);
    const log = new LogFile(path);
    this.#logs.push(log);
    const supervised = new Supervised(spec, this.#watcher(spec, { log, path }));
    group.push(supervised);
    return supervised;
  }

  #watcher(spec: ProcessSpec, { log, path }: { log: LogFile; path: string }): Watcher {
    const show = (text: string) => this.#echo.show(`  ${spec.name.padEnd(10)} ${text.slice(0, 500)}`, path);
    return {
      onStart: (pid) => {
        this.#pids.add(spec.name, pid);
        log.write(`--- ${new Date().toISOString()} ${spec.name} starts as process ${pid}\n`);
        queueMicrotask(() => this.#onChange());
      },
      onOutput: (chunk) => log.write(chunk),
      onLine: (line) => {
        const alarm = this.#isStopping ? undefined : spec.findAlarm(line);
        if (alarm !== undefined) show(alarm);
      },
      onDeath: ({ how, restartMs }) => {
        log.write(`--- ${new Date().toISOString()} ${spec.name} ended (${how})\n`);
        this.#say(
          `  ${spec.name.padEnd(10)} ended (${how}), starting it again in ${restartMs / 1000} s; see ${path}`,
        );
      },
    };
  }
}
