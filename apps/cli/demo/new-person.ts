import { type Client, createClient } from "@millrace/client";
import { DemoFailure } from "./part.ts";

/** Somebody who has just signed up, with no rights but their own. */
export async function newPerson(baseUrl: string, signal: AbortSignal): Promise<Client> {
  const email = `demo-${crypto.randomUUID()}@example.org`;
  const body = JSON.stringify({ email, password: crypto.randomUUID() });
  const post = (path: string) =>
    fetch(`${baseUrl}${path}`, {
      ...{ method: "POST", headers: { "Content-Type": "application/json" }, body },
      ...{ redirect: "manual", signal },
    });
  const registered = await post("/api/auth/register");
  if (!registered.ok) throw new DemoFailure(`nobody can sign up: the API answers ${registered.status}`);
  const login: unknown = await (await post("/api/auth/login")).json();
  if (typeof login !== "object" || login === null || !("access_token" in login))
    throw new DemoFailure("a login brought no token");
  return createClient({ baseUrl, accessToken: String(login.access_token) });
}
