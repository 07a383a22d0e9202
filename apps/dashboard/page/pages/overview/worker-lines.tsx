import type { WorkerView } from "@millrace/protocol/overview";
import { Link } from "../../parts/link.tsx";
import { Panel, Scroll } from "../../parts/panel.tsx";
import { shareWords } from "../../parts/words.ts";
import { WorkerBadge } from "../workers/worker-badge.tsx";

const LINES_MAX = 8;

export function WorkerLines({ workers }: { readonly workers: readonly WorkerView[] }) {
  const shown = workers.slice(0, LINES_MAX);
  return (
    <Panel
      title="Workers"
      class="across"
      about={
        <Link to="/workers">{workers.length > LINES_MAX ? `All ${workers.length}` : "More about them"}</Link>
      }
      isPadded={false}
    >
      {workers.length === 0 ? (
        <p class="nothing">
          <strong>No worker is there, so nothing is done.</strong> Start one with{" "}
          <code>bun apps/worker/main.ts</code>.
        </p>
      ) : (
        <Scroll label="Workers">
          <table>
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col">Busy</th>
                <th scope="col" class="num">
                  CPU
                </th>
                <th scope="col" class="num">
                  Memory
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((worker) => (
                <WorkerLine key={worker.worker_id} worker={worker} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

function WorkerLine({ worker }: { readonly worker: WorkerView }) {
  const { worker_id: id, current_tasks: tasks, max_concurrent_tasks: slots, system_info: load } = worker;
  return (
    <tr>
      <td class="mono">{id}</td>
      <td>
        <WorkerBadge worker={worker} />
      </td>
      <td class="nowrap">
        {tasks.length} of {slots}
        <progress
          class="busy"
          max={Math.max(1, slots)}
          value={tasks.length}
          aria-label={`Slots of ${id} in use`}
        />
      </td>
      <td class="num">{shareWords(load.cpu_usage)}</td>
      <td class="num">{shareWords(load.memory_usage)}</td>
    </tr>
  );
}
