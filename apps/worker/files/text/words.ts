/** Letters, digits and their marks; apostrophes and hyphens only between them. */
const WORD = /[\p{L}\p{N}\p{M}]+(?:['’-][\p{L}\p{N}\p{M}]+)*/gu;
/** The longest end of a piece that is kept back because a word might go on in the next one. */
const TAIL_CHARS_MAX = 4_096;

/** Finds the words of a text that comes in pieces. One that is longer than 4 096 characters may be found in parts. */
export class WordReader {
  #tail = "";

  /** The words that are complete now. */
  push(text: string): readonly string[] {
    const all = this.#tail + text;
    const cut = safeCut(all);
    this.#tail = all.slice(cut);
    return wordsOf(all.slice(0, cut));
  }

  end(): readonly string[] {
    const words = wordsOf(this.#tail);
    this.#tail = "";
    return words;
  }
}

function wordsOf(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}

/** Behind the last character that is surely between words; the text's end when none is near, never within a pair. */
function safeCut(text: string): number {
  const least = Math.max(0, text.length - TAIL_CHARS_MAX);
  for (let at = text.length - 1; at >= least; at -= 1) if (text.charCodeAt(at) <= 0x20) return at + 1;
  return text.length < TAIL_CHARS_MAX ? 0 : text.length;
}
