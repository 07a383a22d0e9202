import { type Place, stepsOf } from "./read-tree.ts";

export function fishCompletion(places: readonly Place[]): string {
  return `# millrace completion for fish. For good: millrace completion fish > ~/.config/fish/completions/millrace.fish
function __millrace_place
    set -l place
    for word in (commandline -opc)[2..-1]
        switch "$place $word"
            case ${stepsOf(places).map(quoted).join(" ")}
                set place (string trim -- "$place $word")
        end
    end
    echo $place
end
function __millrace_at
    test "$(__millrace_place)" = "$argv"
end
${places.flatMap(linesOf).join("\n")}
`;
}

function linesOf({ path, words, options }: Place): readonly string[] {
  const here = `complete -c millrace -n ${quoted(`__millrace_at ${path.join(" ")}`.trimEnd())}`;
  return [
    ...words.map(
      ({ word, about }) => `${here} -f -a ${quoted(word)}${about === "" ? "" : ` -d ${quoted(about)}`}`,
    ),
    ...options.map(({ name, takesValue, values }) => {
      const known = values.length === 0 ? "" : ` -f -a ${quoted(values.join(" "))}`;
      return `${here} -l ${name}${takesValue ? ` -r${known}` : ""}`;
    }),
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
