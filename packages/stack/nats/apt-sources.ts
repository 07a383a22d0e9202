/** A place that packages come from, as this machine's own apt configuration names it. */
export interface AptSource {
  /** `http://…`, `mirror+file:…`: whatever apt understands. */
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** The path of a keyring, a fingerprint, or a key itself; undefined: apt's own trusted keys. */
  readonly signedBy: string | undefined;
}

/** The enabled sources of binary packages in a deb822 file (`*.sources`). @see man 5 sources.list */
export function parseDeb822(text: string): readonly AptSource[] {
  const withoutComments = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n");
  return withoutComments.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = fieldsOf(stanza);
    const isEnabled = !/^(no|false|off|0)$/i.test(fields.get("enabled") ?? "yes");
    if (!isEnabled || !wordsIn(fields.get("types")).includes("deb")) return [];
    return wordsIn(fields.get("uris")).map((uri) => ({
      uri,
      suites: wordsIn(fields.get("suites")),
      components: wordsIn(fields.get("components")),
      signedBy: fields.get("signed-by"),
    }));
  });
}

/** Names are told in any case; a line that begins with a blank continues the one before. */
function fieldsOf(stanza: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let name = "";
  for (const line of stanza.split("\n")) {
    const begins = /^([A-Za-z-]+):(.*)$/.exec(line);
    if (begins !== null) {
      name = (begins[1] ?? "").toLowerCase();
      fields.set(name, (begins[2] ?? "").trim());
    } else if (/^[ \t]/.test(line)) {
      // A lone dot stands for an empty line, as keys have one.
      const more = line.trim() === "." ? "" : line.trim();
      fields.set(name, `${fields.get(name) ?? ""}\n${more}`);
    }
  }
  return fields;
}

function wordsIn(text: string | undefined): readonly string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

/** The sources of binary packages in a one-line file (`*.list`): `deb [options] uri suite component…`. */
export function parseOneLine(text: string): readonly AptSource[] {
  return text.split("\n").flatMap((line) => {
    const parts = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (parts === null) return [];
    const [, options = "", uri = "", suite = "", components = ""] = parts;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    return [{ uri, suites: [suite], components: wordsIn(components), signedBy }];
  });
}

/**
 * Of all sources, the archive of the distribution itself: the one that serves the release's own suite from `main`.
 * Security updates and third parties serve other suites.
 */
export function findArchive(sources: readonly AptSource[], codename: string): AptSource | undefined {
  return sources.find(
    ({ suites, components }) =>
      components.includes("main") &&
      suites.some((suite) => [codename, "stable", "testing", "unstable", "sid"].includes(suite)),
  );
}
