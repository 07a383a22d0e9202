import { computed, signal } from "@preact/signals";

interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

function here(): Place {
  const { pathname, search } = window.location;
  return { path: pathname.replace(/(.)\/$/, "$1"), query: new URLSearchParams(search) };
}

const place = signal<Place>(here());
window.addEventListener("popstate", () => {
  place.value = here();
});

export const path = computed(() => place.value.path);

/** A word of the address after the question mark; empty when it is not there. Filters live there, so that links keep them. */
export function word(name: string): string {
  return place.value.query.get(name) ?? "";
}

export function navigate(to: string): void {
  window.history.pushState(null, "", to);
  place.value = here();
  window.scrollTo(0, 0);
}

/** Changes words of the address; an empty one is taken out. Typing does not fill the history. */
export function setWords(words: Readonly<Record<string, string>>): void {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(words)) {
    if (value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  window.history.replaceState(null, "", `${place.value.path}${text === "" ? "" : `?${text}`}`);
  place.value = here();
}
