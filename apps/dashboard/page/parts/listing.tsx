import { type ComponentChildren, Fragment } from "preact";
import { Panel, Scroll } from "./panel.tsx";

interface ListingProps<T> {
  readonly title: string;
  readonly about?: ComponentChildren;
  /** Names of the columns; an empty one is that of the actions. */
  readonly head: readonly string[];
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  /** One `tr`. */
  readonly row: (item: T) => ComponentChildren;
  /** Given when there is more of it. */
  readonly more?: (() => void) | undefined;
  /** What stands there instead when there is nothing. */
  readonly none?: ComponentChildren;
}

/** A table of some dozens of things with something to do about each; on a phone each row becomes a card. */
export function Listing<T>({ title, about, head, items, keyOf, row, more, none }: ListingProps<T>) {
  return (
    <Panel title={title} about={about} isPadded={false}>
      {items.length === 0 && none !== undefined ? (
        <p class="body soft">{none}</p>
      ) : (
        <Scroll label={title}>
          <table class="stacked">
            <thead>
              <tr>
                {head.map((name) => (
                  <th scope="col" key={name}>
                    {name === "" ? <span class="unseen">Actions</span> : name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <Fragment key={keyOf(item)}>{row(item)}</Fragment>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {more !== undefined && (
        <div class="body">
          <button type="button" onClick={more}>
            Show more
          </button>
        </div>
      )}
    </Panel>
  );
}
