import { useState } from "preact/hooks";
import { Badge } from "../parts/badge.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { Copy, JsonBlock } from "../parts/json-block.tsx";
import { Link } from "../parts/link.tsx";
import { Moment } from "../parts/moment.tsx";
import { Shown } from "../parts/nothing.tsx";
import { Panel } from "../parts/panel.tsx";
import { carryOut } from "../state/notices.ts";
import { sendJson } from "../wire/api.ts";
import type { Task as TaskShape } from "../wire/shapes.ts";
import { GraphPanel } from "./task/graph.tsx";
import { Timeline } from "./task/timeline.tsx";
import { useTask } from "./task/use-task.ts";
import { WhyPanel } from "./task/why.tsx";

export function Task({ taskId }: { readonly taskId: string }) {
  const { loaded, attempts, note } = useTask(taskId);
  return (
    <Shown loaded={loaded}>
      {(task) => (
        <>
          <Header task={task} />
          {task.status === "running" && <Progress task={task} note={note} />}
          <div class="pair">
            <div class="stack">
              <Timeline task={task} attempts={attempts} />
              <GraphPanel task={task} />
              <Outcome task={task} />
              <Panel title="Payload" about={<Copy text={JSON.stringify(task.payload)} what="the payload" />}>
                <JsonBlock value={task.payload} label="Payload" />
              </Panel>
            </div>
            <div class="stack">
              <WhyPanel task={task} />
              <Facts task={task} />
            </div>
          </div>
        </>
      )}
    </Shown>
  );
}

function Header({ task }: { readonly task: TaskShape }) {
  return (
    <header>
      <div>
        <p class="crumbs">
          <Link to="/tasks">Tasks</Link> /{" "}
          <Link to={`/tasks?type=${encodeURIComponent(task.task_type)}`}>{task.task_type}</Link>
        </p>
        <div class="title">
          <h1 class="mono">{task.task_id}</h1>
          <span role="status">
            <Badge word={task.status === "pending" ? task.phase : task.status} />
          </span>
          <Copy text={task.task_id} what="the id" />
        </div>
      </div>
      <Actions task={task} />
    </header>
  );
}

function Actions({ task }: { readonly task: TaskShape }) {
  const [isAsking, setAsking] = useState(false);
  const act = (action: "cancel" | "retry", done: string) =>
    carryOut(
      () => sendJson("POST", `/api/tasks/${encodeURIComponent(task.task_id)}/${action}`, undefined),
      done,
    );
  const isOpen = task.status === "pending" || task.status === "running";
  return (
    <div class="actions">
      {isOpen && (
        <button type="button" class="danger" onClick={() => setAsking(true)}>
          Cancel
        </button>
      )}
      {(task.status === "failed" || task.status === "cancelled") && (
        <button type="button" class="main" onClick={() => void act("retry", "It is queued again.")}>
          Retry
        </button>
      )}
      {isAsking && (
        <Confirm
          title="Cancel this task?"
          deed="Cancel the task"
          onConfirm={() => void act("cancel", "It is cancelled.")}
          onClose={() => setAsking(false)}
        >
          <p>
            A running attempt is stopped, and what it still says is refused. Tasks that depend on it fail.
          </p>
        </Confirm>
      )}
    </div>
  );
}

function Progress({ task, note }: { readonly task: TaskShape; readonly note: string | null }) {
  return (
    <div class="panel running">
      <span id="running">
        {task.progress === null ? "Running" : `${Math.round(task.progress * 100)} %`} on{" "}
        <span class="mono">{task.worker_id}</span> {note !== null && <span class="soft">· {note}</span>}
      </span>
      {task.progress === null ? (
        <progress class="busy" aria-labelledby="running" />
      ) : (
        <progress class="busy" max={1} value={task.progress} aria-labelledby="running" />
      )}
    </div>
  );
}

function Outcome({ task }: { readonly task: TaskShape }) {
  if (task.error !== null)
    return (
      <Panel title={task.status === "failed" ? "Why it failed" : "The last attempt's error"}>
        <p>
          <strong>{task.error.code}</strong>
        </p>
        <p>{task.error.message}</p>
      </Panel>
    );
  if (task.status !== "completed") return null;
  return (
    <Panel title="Result" about={<Copy text={JSON.stringify(task.result)} what="the result" />}>
      <JsonBlock value={task.result} label="Result" />
    </Panel>
  );
}

function Facts({ task }: { readonly task: TaskShape }) {
  return (
    <Panel title="About it">
      <dl class="props">
        <dt>Type</dt>
        <dd>{task.task_type}</dd>
        <dt>Priority</dt>
        <dd>
          {task.priority}, in the {task.lane} lane
        </dd>
        <dt>Attempts</dt>
        <dd>
          {task.attempts} of {task.max_attempts}
        </dd>
        <dt>Time-out</dt>
        <dd>{task.timeout} s an attempt</dd>
        <dt>Created</dt>
        <dd>
          <Moment at={task.created_at} />
        </dd>
        <dt>Started</dt>
        <dd>
          <Moment at={task.started_at} />
        </dd>
        <dt>Ended</dt>
        <dd>
          <Moment at={task.completed_at} />
        </dd>
        {task.tenant !== null && (
          <>
            <dt>Tenant</dt>
            <dd>{task.tenant}</dd>
          </>
        )}
        <dt>In the logs</dt>
        <dd class="mono">{task.correlation_id}</dd>
      </dl>
    </Panel>
  );
}
