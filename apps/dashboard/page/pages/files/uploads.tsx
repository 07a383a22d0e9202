import { Panel } from "../../parts/panel.tsx";
import { bytesWords, shareWords } from "../../parts/words.ts";
import { giveUp, hold, resume, type Sending, sendings } from "./upload-queue.ts";

/** What is on its way. */
export function Uploads() {
  const open = sendings.value.filter(({ state }) => state !== "done");
  if (open.length === 0) return null;
  return (
    <Panel title="Uploading">
      <ul class="stack">
        {open.map((sending) => (
          <li key={sending.id}>
            <SendingLine sending={sending} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function SendingLine({ sending }: { readonly sending: Sending }) {
  const { id, name, sent, size, state, problem } = sending;
  const share = size === 0 ? 1 : sent / size;
  return (
    <div class="form">
      <div class="title">
        <strong class="cut">{name}</strong>
        <span class="soft">
          {bytesWords(sent)} of {bytesWords(size)}, {shareWords(share)}
          {state === "waiting" && ", waits for its turn"}
        </span>
        <div class="actions">
          {state === "sending" || state === "waiting" ? (
            <button type="button" class="plain" onClick={() => void hold(id)} aria-label={`Hold ${name}`}>
              Hold
            </button>
          ) : (
            <button type="button" class="plain" onClick={() => resume(id)} aria-label={`Go on with ${name}`}>
              Go on
            </button>
          )}
          <button type="button" class="plain" onClick={() => void giveUp(id)} aria-label={`Give up ${name}`}>
            Give up
          </button>
        </div>
      </div>
      <progress
        class={state === "failed" ? "bad" : ""}
        max={1}
        value={share}
        aria-label={`Upload of ${name}`}
      />
      {problem !== null && (
        <p class="mistake" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
