import { Dialog } from "../../parts/dialog.tsx";
import { JsonBlock } from "../../parts/json-block.tsx";
import { Link } from "../../parts/link.tsx";
import { countWords, durationWords } from "../../parts/words.ts";
import { say } from "../../state/notices.ts";
import type { DeadLetter } from "../../wire/shapes.ts";
import { useCanary } from "./use-canary.ts";
import { type Redriving, useRedrive } from "./use-redrive.ts";

export interface RedriveTarget {
  readonly name: string;
  readonly letters: readonly DeadLetter[];
}

interface RedriveDialogProps {
  readonly target: RedriveTarget;
  readonly onClose: () => void;
  readonly onRedriven: (taskIds: readonly string[]) => void;
}

/** Shows what would come back, at which pace; and lets one go first, to see whether the cause is gone. */
export function RedriveDialog({ target, onClose, onRedriven }: RedriveDialogProps) {
  const redriving = useRedrive(target.letters, onRedriven);
  const canary = useCanary();
  const { left, redrive, mistake } = redriving;
  const redriveOne = async () => {
    const [first] = left;
    const answer = first === undefined ? null : await redrive([first]);
    if (answer?.redriven === 1 && first !== undefined) canary.watch(first.task_id);
  };
  const redriveRest = async () => {
    const answer = await redrive(left);
    if (answer === null) return;
    say("done", `${countWords(answer.redriven)} on their way.`);
    if (answer.skipped.length === 0) onClose();
  };
  const isOneEnough = left.length === 0 || canary.state === "running";
  return (
    <Dialog title={`Redrive ${target.name}`} onClose={onClose}>
      <div class="form">
        <Preview letters={left} rate={redriving.rate} />
        <Settings redriving={redriving} />
        <CanaryWords canary={canary} />
        {mistake !== "" && (
          <p class="mistake" role="alert">
            {mistake}
          </p>
        )}
      </div>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Close
        </button>
        {target.letters.length > 1 && (
          <button type="button" disabled={isOneEnough} onClick={() => void redriveOne()}>
            Redrive one first
          </button>
        )}
        <button type="button" class="main" disabled={left.length === 0} onClick={() => void redriveRest()}>
          Redrive {countWords(left.length)}
        </button>
      </div>
    </Dialog>
  );
}

function Settings({ redriving: { rate, setRate, patch, setPatch } }: { readonly redriving: Redriving }) {
  return (
    <>
      <label>
        Pace, tasks per second
        <input
          type="number"
          min={0.1}
          max={1000}
          step="any"
          value={rate}
          onInput={({ currentTarget }) => setRate(Math.max(0.1, Number(currentTarget.value)))}
        />
      </label>
      <label>
        Change each payload (JSON merge patch; empty keeps them)
        <textarea
          value={patch}
          placeholder='{"failure_rate": 0}'
          onInput={({ currentTarget }) => setPatch(currentTarget.value)}
        />
      </label>
    </>
  );
}

function Preview({ letters, rate }: { readonly letters: readonly DeadLetter[]; readonly rate: number }) {
  const [first] = letters;
  const lastMs = ((letters.length - 1) / rate) * 1_000;
  return (
    <>
      <p>
        They come back with their policy and a fresh count of failures
        {letters.length > 1
          ? `; the last one starts ${durationWords(Math.max(0, lastMs))} after the first.`
          : "."}
      </p>
      {first !== undefined && (
        <details>
          <summary>Payload of {first.task_id}</summary>
          <JsonBlock value={first.payload} label="Payload" />
        </details>
      )}
    </>
  );
}

function CanaryWords({ canary }: { readonly canary: ReturnType<typeof useCanary> }) {
  if (canary.taskId === null) return null;
  const words = {
    running: "is on its way …",
    completed: "completed: the cause seems to be gone. Redrive the rest.",
    failed: "failed again: the cause is still there. Leave the rest.",
    none: "",
  };
  return (
    <p class={canary.state === "failed" ? "mistake" : ""} role="status">
      <Link to={`/tasks/${encodeURIComponent(canary.taskId)}`} class="mono">
        {canary.taskId}
      </Link>{" "}
      {words[canary.state]}
    </p>
  );
}
