import { useState } from "preact/hooks";
import { Badge } from "../parts/badge.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { Link } from "../parts/link.tsx";
import { Listing } from "../parts/listing.tsx";
import { Moment } from "../parts/moment.tsx";
import { Failure, Nothing, Shown } from "../parts/nothing.tsx";
import { Page } from "../parts/panel.tsx";
import { durationWords } from "../parts/words.ts";
import { carryOut } from "../state/notices.ts";
import { usePages } from "../state/pages.ts";
import { callApi, getJson, queryOf, sendJson } from "../wire/api.ts";
import { isFailure } from "../wire/problem.ts";
import type { Schedule } from "../wire/shapes.ts";
import { ScheduleForm } from "./schedules/schedule-form.tsx";

interface SchedulePage {
  readonly items: readonly Schedule[];
  readonly next_cursor: string | null;
}

const PAGE_SIZE = 200;

export function Schedules() {
  const [isMaking, setMaking] = useState(false);
  const { loaded, more } = usePages<Schedule, SchedulePage>("schedules", (cursor, signal) =>
    getJson(`/api/schedules${queryOf({ limit: PAGE_SIZE, cursor })}`, signal),
  );
  if (loaded.state === "failed" && isFailure(loaded.error, 404, 501))
    return (
      <Page title="Schedules">
        <Failure error={loaded.error} />
      </Page>
    );
  return (
    <Page
      title="Schedules"
      about="Tasks that come again and again"
      actions={
        <button type="button" class="main" onClick={() => setMaking(true)}>
          New schedule
        </button>
      }
    >
      <Shown loaded={loaded}>
        {(page) =>
          page.items.length === 0 ? (
            <Nothing title="No schedules yet.">
              Make one: by cron with a time zone, or every so many seconds.
            </Nothing>
          ) : (
            <ScheduleTable
              schedules={page.items}
              hasMore={page.next_cursor !== null}
              more={more}
              reload={loaded.reload}
            />
          )
        }
      </Shown>
      {isMaking && <ScheduleForm onClose={() => setMaking(false)} onMade={loaded.reload} />}
    </Page>
  );
}

interface ScheduleTableProps {
  readonly schedules: readonly Schedule[];
  readonly hasMore: boolean;
  readonly more: () => void;
  readonly reload: () => void;
}

function ScheduleTable({ schedules, hasMore, more, reload }: ScheduleTableProps) {
  return (
    <Listing
      title={`${schedules.length} ${schedules.length === 1 ? "schedule" : "schedules"}`}
      head={["Schedule", "Task", "When", "State", "Next", "Last", ""]}
      items={schedules}
      keyOf={({ schedule_id: id }) => id}
      row={(schedule) => <ScheduleRow schedule={schedule} reload={reload} />}
      more={hasMore ? more : undefined}
    />
  );
}

function ScheduleRow({ schedule, reload }: { readonly schedule: Schedule; readonly reload: () => void }) {
  const { task, problem } = schedule;
  return (
    <tr>
      <td>
        <strong>{schedule.name}</strong>
        {problem !== null && <p class="small mistake">{problem}</p>}
      </td>
      <td>
        <Link to={`/tasks?type=${encodeURIComponent(task.task_type)}`}>{task.task_type}</Link>
      </td>
      <td class="nowrap">{rhythmOf(schedule)}</td>
      <td>
        <Badge word={schedule.status} />
      </td>
      <td data-name="next">
        <Moment at={schedule.next_runs[0] ?? null} />
      </td>
      <td data-name="last">
        <Moment at={schedule.last_run_at} />
      </td>
      <td>
        <ScheduleActions schedule={schedule} reload={reload} />
      </td>
    </tr>
  );
}

function rhythmOf({ cron, time_zone: zone, every }: Schedule) {
  if (every !== null) return `every ${durationWords(every * 1_000)}`;
  return (
    <>
      <code>{cron}</code> <span class="soft small">{zone}</span>
    </>
  );
}

function ScheduleActions({ schedule, reload }: { readonly schedule: Schedule; readonly reload: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const path = `/api/schedules/${encodeURIComponent(schedule.schedule_id)}`;
  const act = async (deed: () => Promise<unknown>, done: string) => {
    if (await carryOut(deed, done)) reload();
  };
  const isPaused = schedule.status === "paused";
  const pause = () =>
    act(() => sendJson("PATCH", path, { paused: !isPaused }), isPaused ? "It goes on." : "It is paused.");
  const remove = () => act(() => callApi(path, { method: "DELETE" }), "Deleted.");
  return (
    <div class="actions">
      {schedule.status !== "ended" && (
        <button
          type="button"
          class="plain"
          onClick={() => void pause()}
          aria-label={`${isPaused ? "Resume" : "Pause"} ${schedule.name}`}
        >
          {isPaused ? "Resume" : "Pause"}
        </button>
      )}
      <button
        type="button"
        class="plain"
        onClick={() => setAsking(true)}
        aria-label={`Delete ${schedule.name}`}
      >
        Delete
      </button>
      {isAsking && (
        <Confirm
          title={`Delete ${schedule.name}?`}
          deed="Delete it"
          onConfirm={() => void remove()}
          onClose={() => setAsking(false)}
        >
          <p>No more tasks come of it. Those that it made stay.</p>
        </Confirm>
      )}
    </div>
  );
}
