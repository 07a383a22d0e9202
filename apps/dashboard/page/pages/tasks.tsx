import { useState } from "preact/hooks";
import { Badge } from "../parts/badge.tsx";
import { Link } from "../parts/link.tsx";
import { Moment } from "../parts/moment.tsx";
import { Nothing, Shown } from "../parts/nothing.tsx";
import { Page } from "../parts/panel.tsx";
import { Cell, Rows } from "../parts/rows.tsx";
import { countWords } from "../parts/words.ts";
import { navigate, setWords, word } from "../state/location.ts";
import { wordsOf } from "../state/notices.ts";
import { usePages } from "../state/pages.ts";
import { getJson, queryOf } from "../wire/api.ts";
import { isFailure } from "../wire/problem.ts";
import type { TaskLine, TaskPage } from "../wire/shapes.ts";
import type { TaskFilter } from "./tasks/apply-steps.ts";
import { type LivePage, lineOfTask, useLiveTasks } from "./tasks/use-live-tasks.ts";

const PAGE_SIZE = 200;
const HEAD = ["Task", "Type", "State", "Priority", "Lane", "Attempts", "Worker", "Created"];
const STATUSES = ["pending", "running", "completed", "failed", "cancelled"];

export function Tasks() {
  const filter: TaskFilter = { status: word("status"), taskType: word("type"), priority: word("priority") };
  const pages = usePages<TaskLine, LivePage>(JSON.stringify(filter), async (cursor, signal) => {
    const { status, taskType: task_type, priority } = filter;
    const query = queryOf({ status, task_type, priority, limit: PAGE_SIZE, cursor });
    const page = await getJson<TaskPage>(`/api/tasks${query}`, signal);
    return { ...page, items: page.items.map(lineOfTask) };
  });
  const freshUntil = useLiveTasks(pages, filter);
  return (
    <Page title="Tasks" actions={<FindById />}>
      <Filters filter={filter} />
      <Shown loaded={pages.loaded}>
        {(page) =>
          page.items.length === 0 ? (
            <NoTasks filter={filter} />
          ) : (
            <Rows
              label="Tasks"
              kind="tasks"
              head={HEAD}
              items={page.items}
              keyOf={({ task_id: id }) => id}
              row={(task) => <TaskCells task={task} />}
              isFresh={({ task_id: id }) => (freshUntil.get(id) ?? 0) > Date.now()}
              onNearEnd={pages.more}
              foot={<Foot page={page} />}
            />
          )
        }
      </Shown>
    </Page>
  );
}

function Foot({ page }: { readonly page: LivePage }) {
  return (
    <>
      <span>
        {countWords(page.items.length)} of {countWords(page.total)}
        {page.total_capped ? " or more" : ""}, newest first
      </span>
      <span>{page.next_cursor === null ? "that is all" : "scroll for more"}</span>
    </>
  );
}

function TaskCells({ task }: { readonly task: TaskLine }) {
  const { task_id: id, progress } = task;
  return (
    <>
      <Cell class="mono" title={id}>
        <Link to={`/tasks/${encodeURIComponent(id)}`}>{id}</Link>
      </Cell>
      <Cell class="wide">{task.task_type}</Cell>
      <Cell>
        <Badge word={task.status === "pending" ? task.phase : task.status} />
      </Cell>
      <Cell class="wide num">{task.priority}</Cell>
      <Cell class="wide">{task.lane}</Cell>
      <Cell class="wide num">
        {task.attempts}
        {task.max_attempts === null ? "" : ` of ${task.max_attempts}`}
      </Cell>
      <Cell class="wide soft mono">{task.worker_id ?? "–"}</Cell>
      <Cell class="soft">
        {progress !== null && task.status === "running" ? (
          <progress class="busy" max={1} value={progress} aria-label={`Progress of ${id}`} />
        ) : (
          <Moment at={task.created_at} />
        )}
      </Cell>
    </>
  );
}

function Filters({ filter }: { readonly filter: TaskFilter }) {
  return (
    <div class="bar" role="search" aria-label="Filter tasks">
      <fieldset class="tabs" aria-label="State">
        {["", ...STATUSES].map((status) => (
          <button
            key={status}
            type="button"
            aria-pressed={filter.status === status}
            onClick={() => setWords({ status })}
          >
            {status === "" ? "all" : status}
          </button>
        ))}
      </fieldset>
      <label>
        Type
        <input
          type="search"
          value={filter.taskType}
          placeholder="any"
          onChange={({ currentTarget }) => setWords({ type: currentTarget.value.trim() })}
        />
      </label>
      <label>
        Priority
        <select
          value={filter.priority}
          onChange={({ currentTarget }) => setWords({ priority: currentTarget.value })}
        >
          <option value="">any</option>
          {Array.from({ length: 10 }, (_, index) => (
            <option key={index} value={String(10 - index)}>
              {10 - index}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function FindById() {
  const [mistake, setMistake] = useState("");
  const find = async (id: string) => {
    if (id === "") return;
    try {
      await getJson(`/api/tasks/${encodeURIComponent(id)}`);
      navigate(`/tasks/${encodeURIComponent(id)}`);
    } catch (error) {
      setMistake(isFailure(error, 404) ? `There is no task ${id}.` : wordsOf(error));
    }
  };
  return (
    <form
      class="actions"
      onSubmit={(event) => {
        event.preventDefault();
        void find(String(new FormData(event.currentTarget).get("id")).trim());
      }}
    >
      <input
        name="id"
        type="search"
        placeholder="Find a task by its id"
        aria-label="Find a task by its id"
        size={26}
      />
      <button type="submit">Find</button>
      {mistake !== "" && (
        <span class="small" role="alert">
          {mistake}
        </span>
      )}
    </form>
  );
}

function NoTasks({ filter }: { readonly filter: TaskFilter }) {
  const isFiltered = Object.values(filter).some((value) => value !== "");
  if (!isFiltered)
    return (
      <Nothing title="No tasks yet.">
        <span>
          Submit one with <code>POST /api/tasks</code>, described at <a href="/docs">/docs</a>, or run{" "}
          <code>bun run demo</code>. They appear here by themselves.
        </span>
      </Nothing>
    );
  return (
    <Nothing title="No task fits this filter now.">
      <span>Those that come to fit it appear here by themselves.</span>
      <button type="button" onClick={() => setWords({ status: "", type: "", priority: "" })}>
        Show all tasks
      </button>
    </Nothing>
  );
}
