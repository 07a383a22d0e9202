import type { Sql, Transaction } from "@millrace/store";

/** As a version of the client library would be whose queries do not show how they are rejected. */
export function reticent(pool: Sql): Sql {
  const hide = (transaction: Transaction): Transaction =>
    new Proxy(transaction, {
      get: (target, name) => {
        if (name !== "unsafe") return Reflect.get(target, name);
        return (...wish: Parameters<Transaction["unsafe"]>) => {
          const query = target.unsafe(...wish);
          return wish[0].startsWith("copy") ? { writable: () => query.writable() } : query;
        };
      },
    });
  return new Proxy(pool, {
    get: (target, name) =>
      name === "begin"
        ? (act: (transaction: Transaction) => Promise<unknown>) =>
            target.begin((transaction) => act(hide(transaction)))
        : Reflect.get(target, name),
  });
}
