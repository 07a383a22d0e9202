import { useState } from "preact/hooks";
import { Confirm } from "../../parts/dialog.tsx";
import { Link } from "../../parts/link.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Cell, Rows } from "../../parts/rows.tsx";
import { briefJson, countWords } from "../../parts/words.ts";
import { carryOut } from "../../state/notices.ts";
import { callApi } from "../../wire/api.ts";
import { isOperator } from "../../wire/session.ts";
import type { DeadLetter, DeadLetterPage } from "../../wire/shapes.ts";

interface LettersProps {
  readonly page: DeadLetterPage;
  readonly onNearEnd: () => void;
  readonly onGone: (taskId: string) => void;
  readonly onRedrive: (letter: DeadLetter) => void;
}

export function Letters({ page, onNearEnd, onGone, onRedrive }: LettersProps) {
  const [asked, setAsked] = useState<DeadLetter | null>(null);
  const discard = async (letter: DeadLetter) => {
    const deed = () => callApi(`/api/dlq/${encodeURIComponent(letter.task_id)}`, { method: "DELETE" });
    if (await carryOut(deed, "Discarded; the task stays failed.")) onGone(letter.task_id);
  };
  return (
    <>
      <Rows
        label="Dead letters"
        kind="letters"
        head={["Task", "Type", "Error", "Payload", "Died", ""]}
        items={page.items}
        keyOf={({ task_id: id }) => id}
        row={(letter) => <LetterCells letter={letter} onDiscard={setAsked} onRedrive={onRedrive} />}
        onNearEnd={onNearEnd}
        foot={
          <span>
            {countWords(page.items.length)} of {countWords(page.total)}, newest first
          </span>
        }
      />
      {asked !== null && (
        <Confirm
          title="Discard this dead letter?"
          deed="Discard it"
          onConfirm={() => void discard(asked)}
          onClose={() => setAsked(null)}
        >
          <p>
            <code>{asked.task_id}</code> leaves this list. The task and its history stay, and it stays failed.
          </p>
        </Confirm>
      )}
    </>
  );
}

interface LetterCellsProps {
  readonly letter: DeadLetter;
  readonly onDiscard: (letter: DeadLetter) => void;
  readonly onRedrive: (letter: DeadLetter) => void;
}

const PAYLOAD_CHARS = 160;

function LetterCells({ letter, onDiscard, onRedrive }: LetterCellsProps) {
  const { task_id: id, error } = letter;
  return (
    <>
      <Cell class="mono" title={id}>
        <Link to={`/tasks/${encodeURIComponent(id)}`}>{id}</Link>
      </Cell>
      <Cell class="wide">{letter.task_type}</Cell>
      <Cell class="wide" title={error.message}>
        {error.code}: {error.message}
      </Cell>
      <Cell class="wide mono soft">{briefJson(letter.payload, PAYLOAD_CHARS)}</Cell>
      <Cell class="wide soft">
        <Moment at={letter.died_at} />
      </Cell>
      <Cell>
        {isOperator() && (
          <button type="button" class="plain" onClick={() => onRedrive(letter)} aria-label={`Redrive ${id}`}>
            Redrive
          </button>
        )}
        <button type="button" class="plain" onClick={() => onDiscard(letter)} aria-label={`Discard ${id}`}>
          Discard
        </button>
      </Cell>
    </>
  );
}
