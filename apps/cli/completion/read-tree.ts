import { commandNames, findCommand } from "../find-command.ts";
import type { Grammar } from "../grammar.ts";

/** A place on the line, after some words: what may come there. */
export interface Place {
  /** The words that lead to it: [], ["dlq"], ["dlq", "redrive"]. */
  readonly path: readonly string[];
  /** Words that may come next, with what they do, where that is known. */
  readonly words: readonly { readonly word: string; readonly about: string }[];
  readonly options: readonly OptionPlace[];
}

export interface OptionPlace {
  readonly name: string;
  readonly takesValue: boolean;
  /** Values that are known beforehand. */
  readonly values: readonly string[];
}

export const HELP_OPTION: OptionPlace = { name: "help", takesValue: false, values: [] };

/** All places of the command line, made of what the commands say of themselves. */
export async function readPlaces(): Promise<readonly Place[]> {
  const names = commandNames();
  const commands = await Promise.all(
    names.map(async (name) => {
      const command = await findCommand(name);
      if (command === undefined) throw new Error(`there is no command ${name}`);
      return { name, command };
    }),
  );
  const root: Place = {
    path: [],
    words: commands.map(({ name, command }) => ({ word: name, about: command.summary })),
    options: [HELP_OPTION, { name: "version", takesValue: false, values: [] }],
  };
  return [root, ...commands.flatMap(({ name, command }) => placesOf([name], command.takes))];
}

function placesOf(path: readonly string[], { options = {}, actions = {}, values = {} }: Grammar): Place[] {
  const first = (values[""] ?? []).map((word) => ({ word, about: "" }));
  const place: Place = {
    path,
    words: [...Object.keys(actions).map((word) => ({ word, about: "" })), ...first],
    options: [
      ...Object.entries(options).map(([name, { type }]) => ({
        ...{ name, takesValue: type === "string", values: values[name] ?? [] },
      })),
      HELP_OPTION,
    ],
  };
  return [place, ...Object.entries(actions).flatMap(([word, grammar]) => placesOf([...path, word], grammar))];
}

/** What leads from one place to the next: "the place" and "the word", with a blank between them. */
export function stepsOf(places: readonly Place[]): readonly string[] {
  return places
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => `${path.slice(0, -1).join(" ")} ${path.at(-1)}`);
}

/** Options that take a value, as "the place" and "the option", by what their values are. */
export function optionsByValues(
  places: readonly Place[],
): readonly { readonly after: readonly string[]; readonly values: readonly string[] }[] {
  const taking = places.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ name, values }) => ({ after: `${path.join(" ")} --${name}`, values })),
  );
  const groups = Map.groupBy(taking, ({ values }) => values.join(" "));
  return [...groups.values()].map((group) => ({
    after: group.map(({ after }) => after),
    values: group[0]?.values ?? [],
  }));
}
