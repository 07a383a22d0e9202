import { useRef, useState } from "preact/hooks";
import { useLoad } from "../../state/load.ts";
import { setWords, word } from "../../state/location.ts";
import { getJson } from "../../wire/api.ts";
import type { Operation } from "../../wire/shapes.ts";
import { send } from "./upload-queue.ts";

const OPERATION_DEFAULT = "text-stats";

/** Where files are dropped or chosen, and what is to be done with them. */
export function UploadBox() {
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const chosen = word("operation");
  const operation = chosen === "" ? OPERATION_DEFAULT : chosen;
  const sendAll = (files: FileList | null | undefined) => {
    for (const file of files ?? []) void send(file, operation);
  };
  return (
    <section
      class={isOver ? "drop over" : "drop"}
      aria-label="Upload files"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        sendAll(event.dataTransfer?.files);
      }}
    >
      <p>Drop files here, up to 100 MB each. A broken upload goes on where it stopped.</p>
      <div class="actions">
        <Operations operation={operation} />
        <button type="button" class="main" onClick={() => input.current?.click()}>
          Choose files
        </button>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          onChange={({ currentTarget }) => {
            sendAll(currentTarget.files);
            currentTarget.value = ""; // The same file may be chosen again.
          }}
        />
      </div>
    </section>
  );
}

function Operations({ operation }: { readonly operation: string }) {
  const { value } = useLoad("operations", (signal) =>
    getJson<{ readonly items: readonly Operation[] }>("/api/files/operations", signal),
  );
  const items = value?.items ?? [{ operation, description: "" }];
  return (
    <label class="inline">
      Do
      <select
        value={operation}
        onChange={({ currentTarget }) => setWords({ operation: currentTarget.value })}
      >
        {items.map((one) => (
          <option key={one.operation} value={one.operation}>
            {one.operation}
          </option>
        ))}
      </select>
    </label>
  );
}
