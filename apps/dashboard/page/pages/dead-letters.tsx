import { useEffect, useState } from "preact/hooks";
import { Nothing, Shown } from "../parts/nothing.tsx";
import { Page } from "../parts/panel.tsx";
import { countWords } from "../parts/words.ts";
import type { Loaded } from "../state/load.ts";
import { setWords, word } from "../state/location.ts";
import { onSteps } from "../state/overview.ts";
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
      <Newcomers loaded={loaded} />
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

/** The list stands still while somebody works with it; who died since is counted, and comes when it is asked for. */
function Newcomers({ loaded }: { readonly loaded: Loaded<DeadLetterPage> }) {
  const [newcomers, setNewcomers] = useState<ReadonlySet<string>>(new Set());
  useEffect(
    () =>
      onSteps(({ steps }) => {
        const died = steps.filter(({ phase }) => phase === "dead").map(({ task_id: id }) => id);
        if (died.length > 0) setNewcomers((was) => new Set([...was, ...died]));
      }),
    [],
  );
  useEffect(() => {
    if (loaded.state === "loading") setNewcomers(new Set());
  }, [loaded.state]);
  return (
    <div role="status">
      {newcomers.size > 0 && (
        <p class="newcomers">
          {countWords(newcomers.size)} more failed for good since.
          <button type="button" onClick={loaded.reload}>
            Show them
          </button>
        </p>
      )}
    </div>
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
