import { optionsByValues, type Place, stepsOf } from "./read-tree.ts";

/** For bash from 3.2 on, which macOS still has: no associative arrays, no bash-completion package. */
export function bashCompletion(places: readonly Place[]): string {
  return `# millrace completion for bash. For good: millrace completion bash > ~/.local/share/bash-completion/completions/millrace
_millrace() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} place= word i candidates=
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$place $word" in
      ${patternOf(stepsOf(places))}) place="\${place:+$place }$word" ;;
    esac
  done
  case "$place $prev" in
${optionsByValues(places).map(valuesOf).join("\n")}
  esac
  case "$place" in
${places.map(candidatesOf).join("\n")}
  esac
  case "$cur" in
    -*) candidates="\${candidates#*|}" ;;
    *) candidates="\${candidates%%|*}" ;;
  esac
  COMPREPLY=($(compgen -W "$candidates" -- "$cur"))
}
complete -o default -F _millrace millrace
`;
}

/** Known values; or none of ours, and bash offers files (for @file and --out). */
function valuesOf({ after, values }: ReturnType<typeof optionsByValues>[number]): string {
  const reply = values.length === 0 ? "" : ` COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$cur"));`;
  return `    ${patternOf(after)})${reply} return ;;`;
}

function patternOf(texts: readonly string[]): string {
  return texts.map((text) => `"${text}"`).join(" | ");
}

/** Words, a bar, options. */
function candidatesOf({ path, words, options }: Place): string {
  const first = words.map(({ word }) => word).join(" ");
  return `    "${path.join(" ")}") candidates="${first}|${options.map(({ name }) => `--${name}`).join(" ")}" ;;`;
}
