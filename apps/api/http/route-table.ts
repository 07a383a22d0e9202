/** Which methods a path knows. Asked only for requests that found no route or came without identity. */
export class RouteTable {
  readonly #routes: readonly { readonly method: string; readonly pattern: RegExp }[];

  constructor(routes: readonly { readonly method: string; readonly path: string }[]) {
    this.#routes = routes.map(({ method, path }) => ({ method, pattern: patternOf(path) }));
  }

  /** Sorted; GET brings HEAD with it, and every known path has OPTIONS. Empty: there is no such path. */
  methodsOf(path: string): readonly string[] {
    const methods = new Set<string>();
    for (const { method, pattern } of this.#routes) if (pattern.test(path)) methods.add(method);
    if (methods.size === 0) return [];
    if (methods.has("GET")) methods.add("HEAD");
    methods.add("OPTIONS");
    return [...methods].sort();
  }
}

/** `/api/tasks/:task_id` and `/assets/*`; a slash at the end counts for nothing, as in the router. */
function patternOf(path: string): RegExp {
  const parts = path.split("/").map((part) => {
    if (part === "*") return ".*";
    if (part.startsWith(":")) return "[^/]+";
    return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  const pattern = parts.join("/").replace(/\/$/, "");
  return new RegExp(`^${pattern}/?$`);
}
