import type { WorkerView } from "@millrace/protocol/overview";
import { Link } from "../parts/link.tsx";
import { Moment } from "../parts/moment.tsx";
import { Nothing } from "../parts/nothing.tsx";
import { Page } from "../parts/panel.tsx";
import { shareWords } from "../parts/words.ts";
import { own, whole } from "../state/overview.ts";
import { WorkerActions } from "./workers/worker-actions.tsx";
import { WorkerBadge } from "./workers/worker-badge.tsx";

const TASKS_SHOWN = 12;
const ORDER = { dead: 0, unhealthy: 1, draining: 2, active: 3 } as const;

export function Workers() {
  if (own.value !== null)
    return (
      <Page title="Workers">
        <Nothing title="Only operators see the workers.">Ask an administrator for the role.</Nothing>
      </Page>
    );
  const workers = [...(whole.value?.workers ?? [])].sort(
    (a, b) => ORDER[a.status] - ORDER[b.status] || a.worker_id.localeCompare(b.worker_id),
  );
  const busy = workers.reduce((sum, { current_tasks: tasks }) => sum + tasks.length, 0);
  const slots = workers.reduce((sum, worker) => sum + slotsOf(worker), 0);
  return (
    <Page title="Workers" about={`${workers.length} known, ${busy} of ${slots} slots busy`}>
      {whole.value !== null && workers.length === 0 ? (
        <Nothing title="No worker has said that it lives.">
          <span>
            <code>bun start</code> brings one; more are started with <code>bun apps/worker/main.ts</code>, or
            register over HTTP.
          </span>
        </Nothing>
      ) : (
        <div class="panel">
          {workers.map((worker) => (
            <WorkerCard key={worker.worker_id} worker={worker} />
          ))}
        </div>
      )}
    </Page>
  );
}

/** One that drains or is gone has none to offer beyond what it uses. */
function slotsOf({ status, max_concurrent_tasks: max, current_tasks: tasks }: WorkerView): number {
  return status === "draining" || status === "dead" ? tasks.length : max;
}

function WorkerCard({ worker }: { readonly worker: WorkerView }) {
  const { worker_id: id, current_tasks: tasks, max_concurrent_tasks: slots, system_info: load } = worker;
  return (
    <article class="worker" aria-label={id}>
      <div class="stack">
        <h2 class="mono">{id}</h2>
        <div>
          <WorkerBadge worker={worker} />{" "}
          {worker.kind === "http" && <span class="soft small">over HTTP</span>}
        </div>
        <WorkerActions worker={worker} />
      </div>
      <dl class="props small">
        <dt>Heartbeat</dt>
        <dd>
          <Moment at={worker.last_heartbeat_at} isRelative />, every {worker.heartbeat_interval} s
        </dd>
        <dt>Up since</dt>
        <dd>
          <Moment at={worker.started_at} />
        </dd>
        <dt>Can do</dt>
        <dd>{worker.capabilities.join(", ")}</dd>
      </dl>
      <div class="loads">
        <Load name="Slots" value={tasks.length} max={slots} words={`${tasks.length} of ${slots}`} />
        <Load name="CPU" value={load.cpu_usage} max={1} words={shareWords(load.cpu_usage)} />
        <Load name="Memory" value={load.memory_usage} max={1} words={shareWords(load.memory_usage)} />
        <Load name="Disk" value={load.disk_usage} max={1} words={shareWords(load.disk_usage)} />
      </div>
      <CurrentTasks tasks={tasks} />
    </article>
  );
}

interface LoadProps {
  readonly name: string;
  readonly value: number | null;
  readonly max: number;
  readonly words: string;
}

const HIGH = 0.9;

function Load({ name, value, max, words }: LoadProps) {
  const isHigh = name !== "Slots" && value !== null && value / max >= HIGH;
  return (
    <label>
      <span>
        {name} <span class="nowrap">{words}</span>
      </span>
      <progress class={isHigh ? "bad" : "busy"} max={Math.max(1, max)} value={value ?? 0} />
    </label>
  );
}

function CurrentTasks({ tasks }: { readonly tasks: readonly string[] }) {
  if (tasks.length === 0) return <p class="soft small">Nothing runs here now.</p>;
  return (
    <div class="small">
      <h3 class="soft">Running now</h3>
      <ul>
        {tasks.slice(0, TASKS_SHOWN).map((id) => (
          <li key={id} class="cut">
            <Link to={`/tasks/${encodeURIComponent(id)}`} class="mono">
              {id}
            </Link>
          </li>
        ))}
      </ul>
      {tasks.length > TASKS_SHOWN && <p class="soft">and {tasks.length - TASKS_SHOWN} more</p>}
    </div>
  );
}
