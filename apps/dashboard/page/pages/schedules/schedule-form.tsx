import { useState } from "preact/hooks";
import { Dialog } from "../../parts/dialog.tsx";
import { say, wordsOf } from "../../state/notices.ts";
import { sendJson } from "../../wire/api.ts";

interface ScheduleFormProps {
  readonly onClose: () => void;
  readonly onMade: () => void;
}

export function ScheduleForm({ onClose, onMade }: ScheduleFormProps) {
  const [mistake, setMistake] = useState("");
  const [isCron, setCron] = useState(true);
  const make = async (form: HTMLFormElement) => {
    try {
      await sendJson("POST", "/api/schedules", wishOf(new FormData(form), isCron));
      say("done", "The schedule is made.");
      onMade();
      onClose();
    } catch (error) {
      setMistake(error instanceof SyntaxError ? `The payload is no JSON: ${error.message}` : wordsOf(error));
    }
  };
  return (
    <Dialog title="New schedule" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void make(event.currentTarget);
        }}
      >
        <label>
          Name
          <input name="name" required maxLength={100} />
        </label>
        <fieldset class="tabs" aria-label="Rhythm">
          <button type="button" aria-pressed={isCron} onClick={() => setCron(true)}>
            By cron
          </button>
          <button type="button" aria-pressed={!isCron} onClick={() => setCron(false)}>
            Every so many seconds
          </button>
        </fieldset>
        {isCron ? <CronFields /> : <EveryField />}
        <TaskFields />
        {mistake !== "" && (
          <p class="mistake" role="alert">
            {mistake}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class="main">
            Make the schedule
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function wishOf(fields: FormData, isCron: boolean): unknown {
  const text = (name: string) => String(fields.get(name) ?? "").trim();
  const rhythm = isCron ? { cron: text("cron"), time_zone: text("zone") } : { every: Number(text("every")) };
  return {
    name: text("name"),
    ...rhythm,
    task: {
      task_type: text("type"),
      payload: JSON.parse(text("payload")),
      priority: Number(text("priority")),
    },
  };
}

function CronFields() {
  return (
    <>
      <label>
        Cron: minute, hour, day, month, weekday
        <input name="cron" class="mono" required placeholder="0 3 * * *" />
      </label>
      <label>
        Time zone
        <input name="zone" required value={Intl.DateTimeFormat().resolvedOptions().timeZone} />
      </label>
    </>
  );
}

function EveryField() {
  return (
    <label>
      Seconds
      <input name="every" type="number" min={1} required placeholder="60" />
    </label>
  );
}

function TaskFields() {
  return (
    <>
      <label>
        Type of task
        <input name="type" required placeholder="http.request" />
      </label>
      <label>
        Priority, 10 is the most urgent
        <input name="priority" type="number" min={1} max={10} value={5} required />
      </label>
      <label>
        Payload, as JSON
        <textarea name="payload">{"{}"}</textarea>
      </label>
    </>
  );
}
