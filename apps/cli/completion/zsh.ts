import { optionsByValues, type Place, stepsOf } from "./read-tree.ts";

export function zshCompletion(places: readonly Place[]): string {
  return `#compdef millrace
# millrace completion for zsh. For good: millrace completion zsh > a folder of $fpath, as _millrace
_millrace() {
  local place= word previous=\${words[CURRENT-1]} i
  local -a candidates options
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case "$place $word" in
      ${patternOf(stepsOf(places))}) place="\${place:+$place }$word" ;;
    esac
  done
  case "$place $previous" in
${optionsByValues(places).map(valuesOf).join("\n")}
  esac
  case "$place" in
${places.map(candidatesOf).join("\n")}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    compadd -- $options
  elif (( \${#candidates} )); then
    _describe millrace candidates
  else
    _files
  fi
}
if [[ \${funcstack[1]} == _millrace ]]; then _millrace "$@"; else compdef _millrace millrace; fi
`;
}

function valuesOf({ after, values }: ReturnType<typeof optionsByValues>[number]): string {
  const reply = values.length === 0 ? "_files" : `compadd -- ${values.map(quoted).join(" ")}`;
  return `    ${patternOf(after)}) ${reply}; return ;;`;
}

function patternOf(texts: readonly string[]): string {
  return texts.map((text) => `"${text}"`).join(" | ");
}

function candidatesOf({ path, words, options }: Place): string {
  const described = words.map(({ word, about }) => quoted(about === "" ? word : `${word}:${about}`));
  const names = options.map(({ name }) => `--${name}`);
  return `    "${path.join(" ")}") candidates=(${described.join(" ")}); options=(${names.join(" ")}) ;;`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
