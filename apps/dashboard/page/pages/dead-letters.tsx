import { useState } from "preact/hooks";
import { Nothing, Shown } from "../parts/nothing.tsx";
import { Page } from "../parts/panel.tsx";
import { countWords } from "../parts/words.ts";
import { setWords, word } from "../state/location.ts";
import { usePages } from "../state/pages.ts";
import { getJson, queryOf } from "../wire/api.ts";
import { isOperator } from "../wire/session.ts";
import type { DeadLetter, DeadLetterPage } from "../wire/shapes.ts";
import { groupLetters, type LetterGroup } from "./dead-letters/group-letters.ts";
import { Groups } from "./dead-letters/groups.tsx";
import { Letters } from "./dead-letters/letters.tsx";
import { RedriveDialog, type RedriveTarget } from "./dead-letters/redrive-dialog.tsx";

const PAGE_SIZE = 500;

export function DeadLetters() {
  const [error, taskType] = [word("error"), word("type")];
  const [target, setTarget] = useState<RedriveTarget | null>(null);
  const pages = usePages<DeadLetter, DeadLetterPage>(`${error}\0${taskType}`, (cursor, signal) =>
    getJson(`/api/dlq${queryOf({ error, task_type: taskType, limit: PAGE_SIZE, cursor })}`, signal),
  );
  const { loaded, more } = pages;
  const redriveGroup = (group: LetterGroup) =>
    setTarget({
      name: `${countWords(group.letters.length)} × ${group.code}`,
      letters: group.letters,
    });
  return (
    <Page title="Dead letters" about="Tasks that failed for good, and that nobody has dealt with yet">
      <Filters error={error} taskType={taskType} />
      <Shown loaded={loaded}>
        {(page) =>
          page.items.length === 0 ? (
            <NoLetters isFiltered={error !== "" || taskType !== ""} />
          ) : (
            <div class="stack">
              <Groups groups={groupLetters(page.items)} total={page.total} onRedrive={redriveGroup} />
              <Letters
                page={page}
                onNearEnd={more}
                onGone={(id) => loaded.change((was) => without(was, [id]))}
                onRedrive={(letter) => setTarget({ name: letter.task_id, letters: [letter] })}
              />
            </div>
          )
        }
      </Shown>
      {target !== null && isOperator() && (
        <RedriveDialog
          target={target}
          onClose={() => setTarget(null)}
          onRedriven={(ids) => loaded.change((was) => without(was, ids))}
        />
      )}
    </Page>
  );
}

function without(page: DeadLetterPage, ids: readonly string[]): DeadLetterPage {
  const gone = new Set(ids);
  const items = page.items.filter(({ task_id: id }) => !gone.has(id));
  return { ...page, items, total: Math.max(0, page.total - (page.items.length - items.length)) };
}

function Filters({ error, taskType }: { readonly error: string; readonly taskType: string }) {
  return (
    <div class="bar" role="search" aria-label="Filter dead letters">
      <label class="grow">
        Error
        <input
          type="search"
          value={error}
          placeholder="a code, or a part of the message"
          onChange={({ currentTarget }) => setWords({ error: currentTarget.value.trim() })}
        />
      </label>
      <label>
        Type
        <input
          type="search"
          value={taskType}
          placeholder="any"
          onChange={({ currentTarget }) => setWords({ type: currentTarget.value.trim() })}
        />
      </label>
    </div>
  );
}

function NoLetters({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered)
    return (
      <Nothing title="No dead letter fits this filter.">
        <button type="button" onClick={() => setWords({ error: "", type: "" })}>
          Show all dead letters
        </button>
      </Nothing>
    );
  return (
    <Nothing title="No dead letters. Nothing has failed for good, or all of it was dealt with.">
      <span>Tasks come here after their last attempt, with the error of each.</span>
    </Nothing>
  );
}
