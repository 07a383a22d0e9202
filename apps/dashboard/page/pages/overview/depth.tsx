import { LANES } from "@millrace/core/task";
import type { LevelDepthView } from "@millrace/protocol/overview";
import { Badge } from "../../parts/badge.tsx";
import { Link } from "../../parts/link.tsx";
import { Panel, Scroll } from "../../parts/panel.tsx";
import { briefCount } from "../../parts/words.ts";
import { Resume } from "../guards/pauses.tsx";

const PRIORITIES = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

/** What is queued, by lane and priority: one look says whether low priorities starve, or a lane is blocked. */
interface DepthProps {
  readonly depth: readonly LevelDepthView[];
  readonly paused: readonly string[];
}

export function Depth({ depth, paused }: DepthProps) {
  const queued = new Map(depth.map((level) => [`${level.lane} ${level.priority}`, level.queued]));
  const most = Math.max(1, ...queued.values());
  return (
    <Panel title="Queued, by lane and priority" about={<About paused={paused} />} isPadded={false}>
      <Scroll label="Queued, by lane and priority">
        <table class="depth">
          <thead>
            <tr>
              <th scope="col">Lane</th>
              {PRIORITIES.map((priority) => (
                <th scope="col" key={priority}>
                  <span class="unseen">priority </span>
                  {priority}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {LANES.map((lane) => (
              <tr key={lane}>
                <th scope="row">{lane}</th>
                {PRIORITIES.map((priority) => (
                  <Level key={priority} queued={queued.get(`${lane} ${priority}`) ?? 0} most={most} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

function Level({ queued, most }: { readonly queued: number; readonly most: number }) {
  const heat =
    queued === 0 ? 0 : Math.min(3, 1 + Math.floor((3 * Math.log1p(queued)) / Math.log1p(most) - 0.01));
  return (
    <td data-heat={heat}>
      <span>{queued === 0 ? "·" : briefCount(queued)}</span>
    </td>
  );
}

function About({ paused }: { readonly paused: readonly string[] }) {
  if (paused.length === 0)
    return (
      <p>
        10 is the most urgent · <Link to="/guards">pause</Link>
      </p>
    );
  return (
    <ul class="keys">
      {paused.map((name) => (
        <li key={name}>
          <strong>{name}</strong> <Badge word="paused" />
          <Resume name={name} />
        </li>
      ))}
    </ul>
  );
}
