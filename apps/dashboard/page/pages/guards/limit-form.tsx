import { LIMIT_SCOPES } from "@millrace/core/guard-names";
import { useState } from "preact/hooks";
import { Dialog } from "../../parts/dialog.tsx";
import { say, wordsOf } from "../../state/notices.ts";
import { sendJson } from "../../wire/api.ts";
import type { Limit } from "../../wire/shapes.ts";

interface LimitFormProps {
  /** Null: a new one. */
  readonly limit: Limit | null;
  readonly onClose: () => void;
  readonly onSet: () => void;
}

const SCOPE_WORDS = { host: "a host", type: "a task type", tenant: "a tenant" } as const;

export function LimitForm({ limit, onClose, onSet }: LimitFormProps) {
  const [mistake, setMistake] = useState("");
  const set = async (form: HTMLFormElement) => {
    const wish = wishOf(new FormData(form), limit);
    try {
      await sendJson("PUT", "/api/limits", wish);
      say("done", `${wish.name} is held to it from now on.`);
      onSet();
      onClose();
    } catch (error) {
      setMistake(wordsOf(error));
    }
  };
  return (
    <Dialog title={limit === null ? "Set a limit" : `Limit of ${limit.name}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void set(event.currentTarget);
        }}
      >
        {limit === null && <SubjectFields />}
        <NumberField name="rate_per_second" label="Starts per second" value={limit?.rate_per_second} isAny />
        <NumberField name="burst" label="Starts at once after a pause" value={limit?.burst} />
        <NumberField name="max_concurrent" label="Running at once" value={limit?.max_concurrent} isAny />
        {mistake !== "" && (
          <p class="mistake" role="alert">
            {mistake}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class="main">
            Set the limit
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const NUMBERS = ["rate_per_second", "burst", "max_concurrent"] as const;

function wishOf(fields: FormData, limit: Limit | null) {
  const text = (name: string) => String(fields.get(name) ?? "").trim();
  const given = NUMBERS.filter((name) => text(name) !== "").map((name) => [name, Number(text(name))]);
  return {
    scope: limit?.scope ?? text("scope"),
    name: limit?.name ?? text("name"),
    ...Object.fromEntries(given),
  };
}

function SubjectFields() {
  const [scope, setScope] = useState<keyof typeof SCOPE_WORDS>("host");
  const placeholder = { host: "https://api.example.org", type: "http.request", tenant: "acme" }[scope];
  return (
    <>
      <label>
        Of
        <select
          name="scope"
          value={scope}
          onChange={({ currentTarget }) =>
            setScope(LIMIT_SCOPES.find((one) => one === currentTarget.value) ?? "host")
          }
        >
          {LIMIT_SCOPES.map((one) => (
            <option key={one} value={one}>
              {SCOPE_WORDS[one]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Name
        <input name="name" class="mono" required placeholder={placeholder} />
      </label>
    </>
  );
}

interface NumberFieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: number | null | undefined;
  /** Empty means that there is no bound. */
  readonly isAny?: boolean;
}

function NumberField({ name, label, value, isAny = false }: NumberFieldProps) {
  return (
    <label>
      {label}
      <input
        name={name}
        type="number"
        min={0.001}
        step="any"
        value={value ?? ""}
        placeholder={isAny ? "any" : "what a second brings"}
      />
    </label>
  );
}
