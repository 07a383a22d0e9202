import { LANES } from "@millrace/core/task";
import type { LevelDepthView } from "@millrace/protocol/overview";
import { Panel, Scroll } from "../../parts/panel.tsx";
import { countWords } from "../../parts/words.ts";

const PRIORITIES = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

/** What is queued, by lane and priority: one look says whether low priorities starve, or a lane is blocked. */
export function Depth({ depth }: { readonly depth: readonly LevelDepthView[] }) {
  const queued = new Map(depth.map((level) => [`${level.lane} ${level.priority}`, level.queued]));
  const most = Math.max(1, ...queued.values());
  return (
    <Panel title="Queued, by lane and priority" about={<p>10 is the most urgent</p>} isPadded={false}>
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
      <span>{queued === 0 ? "·" : countWords(queued)}</span>
    </td>
  );
}
