import { Moment } from "../../parts/moment.tsx";
import { Panel } from "../../parts/panel.tsx";
import { countWords } from "../../parts/words.ts";
import { setWords } from "../../state/location.ts";
import { isOperator } from "../../wire/session.ts";
import type { LetterGroup } from "./group-letters.ts";

interface GroupsProps {
  readonly groups: readonly LetterGroup[];
  readonly total: number;
  readonly onRedrive: (group: LetterGroup) => void;
}

export function Groups({ groups, total, onRedrive }: GroupsProps) {
  const loaded = groups.reduce((sum, { letters }) => sum + letters.length, 0);
  return (
    <Panel
      title={`${groups.length} ${groups.length === 1 ? "kind" : "kinds"} of error`}
      about={
        <p>
          {loaded < total
            ? `of the newest ${countWords(loaded)} of ${countWords(total)}`
            : `${countWords(total)} in all`}
        </p>
      }
      isPadded={false}
    >
      <ul class="groups">
        {groups.map((group) => (
          <li key={group.key}>
            <span class="howmany">{countWords(group.letters.length)}</span>
            <div class="cut">
              <h3 class="cut">{group.code}</h3>
              <p class="cut" title={group.letters[0]?.error.message}>
                {group.message}
              </p>
              <p class="small soft cut">
                {group.taskTypes.join(", ")} · newest <Moment at={group.newest} isRelative />
              </p>
            </div>
            <div class="actions">
              <button type="button" onClick={() => setWords({ error: group.code })}>
                Show these
              </button>
              {isOperator() && (
                <button type="button" class="main" onClick={() => onRedrive(group)}>
                  Redrive …
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
