import { t } from "elysia";

type Fields = Parameters<typeof t.Object>[0];

/** An object in which an unknown field is a mistake, refused by its name. */
export function strict<F extends Fields>(fields: F, options: { readonly description?: string } = {}) {
  return t.Object(fields, { additionalProperties: false, ...options });
}

/** One of a few words. Not `t.UnionEnum`, which makes the first one the default of an absent field. */
export function choice<Word extends string>(
  words: readonly Word[],
  options: { readonly description?: string } = {},
) {
  return t.Union(
    words.map((word) => t.Literal(word)),
    options,
  );
}
