import { LevelBadge } from "../../parts/badge.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Copy, JsonBlock } from "../../parts/json-block.tsx";
import { timeWords, utcWords } from "../../parts/words.ts";
import { setWords } from "../../state/location.ts";
import type { EventLine } from "../../wire/shapes.ts";

interface EventDialogProps {
  readonly event: EventLine;
  readonly onClose: () => void;
}

/** Beside the event's own time: what came just before and after explains it most often. */
const AROUND_MS = 60_000;

export function EventDialog({ event, onClose }: EventDialogProps) {
  const atMs = Date.parse(event.timestamp);
  const near = (sign: number) => new Date(atMs + sign * AROUND_MS).toISOString();
  const showAround = () => {
    setWords({ live: "", from: near(-1), to: near(1), type: "", level: "", q: "", source: event.source });
    onClose();
  };
  return (
    <Dialog title="Event" onClose={onClose}>
      <div class="form">
        <p>{event.message}</p>
        <dl class="props">
          <dt>Time</dt>
          <dd>
            {timeWords(new Date(atMs), new Date(0))}
            <br />
            <span class="soft">{utcWords(new Date(atMs))}</span>
          </dd>
          <dt>Level</dt>
          <dd>
            <LevelBadge level={event.level} />
          </dd>
          <dt>Type</dt>
          <dd>{event.type}</dd>
          <dt>Source</dt>
          <dd>{event.source}</dd>
          <dt>Id</dt>
          <dd class="mono">{event.id}</dd>
          <dt>In the logs</dt>
          <dd class="mono">{event.correlation_id}</dd>
        </dl>
        <JsonBlock value={event.attributes} label="Attributes" />
      </div>
      <div class="actions">
        <Copy text={JSON.stringify(event)} what="the event" />
        <button type="button" onClick={showAround}>
          What its source said around then
        </button>
        <button type="button" class="main" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
