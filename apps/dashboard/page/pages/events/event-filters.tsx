import { setWords } from "../../state/location.ts";
import { type EventFilter, SPANS } from "./filter.ts";

interface EventFiltersProps {
  readonly filter: EventFilter;
  readonly isTail: boolean;
}

export function EventFilters({ filter, isTail }: EventFiltersProps) {
  return (
    <div class="bar" role="search" aria-label="Filter events">
      <Field name="type" value={filter.type} label="Type" />
      <Field name="source" value={filter.source} label="Source" />
      <Field name="level" value={filter.level} label="Level" />
      <label class="grow">
        Message
        <input
          type="search"
          value={filter.q}
          placeholder="a part of it"
          onChange={({ currentTarget }) => setWords({ q: currentTarget.value })}
        />
      </label>
      {!isTail && <Span filter={filter} />}
    </div>
  );
}

function Field({
  name,
  value,
  label,
}: {
  readonly name: string;
  readonly value: string;
  readonly label: string;
}) {
  return (
    <label>
      {label}
      <input
        type="search"
        size={12}
        value={value}
        placeholder="any"
        onChange={({ currentTarget }) => setWords({ [name]: currentTarget.value.trim() })}
      />
    </label>
  );
}

function Span({ filter: { from, to, span } }: { readonly filter: EventFilter }) {
  if (from !== "" || to !== "")
    return (
      <button type="button" onClick={() => setWords({ from: "", to: "" })}>
        Leave the chosen span
      </button>
    );
  return (
    <fieldset class="tabs" aria-label="Span">
      {SPANS.map((one) => (
        <button key={one} type="button" aria-pressed={span === one} onClick={() => setWords({ span: one })}>
          {one}
        </button>
      ))}
    </fieldset>
  );
}
