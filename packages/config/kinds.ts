/** The kinds of value that a variable can hold: each knows how to read a text, and how to say what it expects. */

export interface Variable<T> {
  readonly name: string;
  /** What it is for, in one sentence, without its limits. */
  readonly about: string;
  /** Continues "must be …": `an integer from 1 to 300, in seconds`. */
  readonly expects: string;
  /** What holds when the variable is not set; undefined: nothing, or what `read.ts` derives from others. */
  readonly default: T;
  /** The default as one would write it, or a sentence in brackets that says where it comes from. */
  readonly defaultText: string;
  /** Its value is never shown, not even when it is wrong. */
  readonly isSecret: boolean;
  /** Undefined when the text is not what `expects` says. */
  readonly parse: (text: string) => T | undefined;
}

interface Facts<D> {
  readonly name: string;
  readonly about: string;
  readonly default: D;
  /** For a default that is no constant: a sentence in brackets. */
  readonly defaultText?: string;
}

type Parts<T> = Pick<Variable<T>, "expects" | "parse"> & { readonly isSecret?: boolean };

function variable<T, D extends T | undefined>(facts: Facts<D>, parts: Parts<T>): Variable<T | D> {
  const written = Array.isArray(facts.default) ? facts.default.join(",") : String(facts.default ?? "");
  return {
    name: facts.name,
    about: facts.about,
    expects: parts.expects,
    default: facts.default,
    defaultText: facts.defaultText ?? written,
    isSecret: parts.isSecret ?? false,
    parse: parts.parse,
  };
}

interface IntegerFacts<D> extends Facts<D> {
  readonly min: number;
  readonly max: number;
  /** Undefined for plain counts and ports. */
  readonly unit?: "seconds" | "days";
}

export function integer<D extends number | undefined>(facts: IntegerFacts<D>): Variable<number | D> {
  const unit = facts.unit === undefined ? "" : `, in ${facts.unit}`;
  return variable<number, D>(facts, {
    expects: `an integer from ${facts.min} to ${facts.max}${unit}`,
    parse: (text) => {
      // Only digits: "30s", "1e3" and "0x10" would each mean something else to somebody.
      if (!/^\d{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= facts.min && value <= facts.max ? value : undefined;
    },
  });
}

/** A part of the whole, as a plain decimal. */
export function share<D extends number | undefined>(facts: Facts<D>): Variable<number | D> {
  return variable<number, D>(facts, {
    expects: "a number from 0 to 1",
    parse: (text) => (/^(0(\.\d{1,12})?|1(\.0{1,12})?)$/.test(text) ? Number(text) : undefined),
  });
}

const TRUTHS: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };

export function boolean<D extends boolean | undefined>(facts: Facts<D>): Variable<boolean | D> {
  return variable<boolean, D>(facts, {
    expects: "true, false, 1 or 0",
    parse: (text) => (Object.hasOwn(TRUTHS, text.toLowerCase()) ? TRUTHS[text.toLowerCase()] : undefined),
  });
}

interface ChoiceFacts<T extends string, D> extends Facts<D> {
  readonly choices: readonly T[];
}

/** One of a few words, in upper or lower case. */
export function choice<T extends string, D extends T | undefined>(facts: ChoiceFacts<T, D>): Variable<T | D> {
  return variable<T, D>(facts, {
    expects: `one of ${facts.choices.join(", ")}`,
    parse: (text) => facts.choices.find((word) => word.toLowerCase() === text.toLowerCase()),
  });
}

interface CountFacts<T extends number, D> extends Facts<D> {
  readonly choices: readonly T[];
}

/** One of a few numbers. */
export function count<T extends number, D extends T | undefined>(facts: CountFacts<T, D>): Variable<T | D> {
  return variable<T, D>(facts, {
    expects: `one of ${facts.choices.join(", ")}`,
    parse: (text) => facts.choices.find((number) => String(number) === text),
  });
}

interface TextFacts<D> extends Facts<D> {
  readonly expects: string;
  readonly isValid: (given: string) => boolean;
  readonly isSecret?: boolean;
}

export function text<D extends string | undefined>(facts: TextFacts<D>): Variable<string | D> {
  return variable<string, D>(facts, {
    expects: facts.expects,
    isSecret: facts.isSecret ?? false,
    parse: (given) => (facts.isValid(given) ? given : undefined),
  });
}

interface SecretFacts<D> extends Facts<D> {
  readonly charsMin: number;
  readonly charsMax: number;
}

export function secret<D extends string | undefined>(facts: SecretFacts<D>): Variable<string | D> {
  return variable<string, D>(facts, {
    expects: `${facts.charsMin} to ${facts.charsMax} characters`,
    isSecret: true,
    parse: (given) => (given.length >= facts.charsMin && given.length <= facts.charsMax ? given : undefined),
  });
}

interface UrlFacts<D> extends Facts<D> {
  /** Without the colon: `postgres`. */
  readonly schemes: readonly string[];
  /** Most URLs can carry a password; those are not shown. */
  readonly isSecret?: boolean;
}

function isUrl(given: string, schemes: readonly string[]): boolean {
  const parsed = URL.canParse(given) ? new URL(given) : undefined;
  if (parsed === undefined || !schemes.includes(parsed.protocol.slice(0, -1))) return false;
  // `file:relative/path` has no host; everything else without one is a slip such as `nats:localhost`.
  return parsed.protocol === "file:" ? given.length > "file:".length : parsed.hostname !== "";
}

function expectedUrl(schemes: readonly string[]): string {
  return schemes.map((scheme) => (scheme === "file" ? "file:…" : `${scheme}://…`)).join(" or ");
}

export function url<D extends string | undefined>(facts: UrlFacts<D>): Variable<string | D> {
  return variable<string, D>(facts, {
    expects: `a URL ${expectedUrl(facts.schemes)}`,
    isSecret: facts.isSecret ?? false,
    parse: (given) => (isUrl(given, facts.schemes) ? given : undefined),
  });
}

interface ListFacts<D> extends Facts<D> {
  readonly expects: string;
  readonly itemsMax: number;
  readonly isItem: (item: string) => boolean;
  readonly isSecret?: boolean;
}

/** Items separated by commas; blanks around them do not count, and there is at least one. */
export function list<D extends readonly string[] | undefined>(
  facts: ListFacts<D>,
): Variable<readonly string[] | D> {
  return variable<readonly string[], D>(facts, {
    expects: `${facts.expects}, separated by commas, at most ${facts.itemsMax}`,
    isSecret: facts.isSecret ?? false,
    parse: (given) => {
      const items = given.split(",", facts.itemsMax + 1).map((item) => item.trim());
      return items.length <= facts.itemsMax && items.every(facts.isItem) ? items : undefined;
    },
  });
}

/** Several servers of one cluster: `nats://a:4222,nats://b:4222`. */
export function urls<D extends readonly string[] | undefined>(
  facts: UrlFacts<D>,
): Variable<readonly string[] | D> {
  return list<D>({
    ...facts,
    expects: `URLs ${expectedUrl(facts.schemes)}`,
    itemsMax: 16,
    isItem: (item) => isUrl(item, facts.schemes),
  });
}
