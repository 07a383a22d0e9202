/** What `query`, `tail` and `histogram` may be limited to. */
export const KIND_OPTIONS = {
  type: { type: "string" },
  source: { type: "string" },
  level: { type: "string" },
} as const;

interface KindValues {
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly level?: string | undefined;
}

export function kindsOf({ type, source, level }: KindValues): KindValues {
  return { type, source, level };
}
