import { signal } from "@preact/signals";
import { ApiFailure, readProblem, unreachable } from "./problem.ts";

/**
 * Who is signed in. The access token lives in memory alone and for fifteen minutes; the refresh token lives in this
 * tab's session storage, so that it is gone with the tab, no other port of this host can read it (a cookie would go to
 * all of them), and nothing sends it by itself (no CSRF). Scripts of others cannot reach either: the policy lets none run.
 *
 * Tabs of one person share a session: a new tab asks the others. Refresh tokens work once, so whoever refreshes tells.
 */
export interface User {
  readonly user_id: number;
  readonly email: string;
  readonly role: "user" | "operator" | "admin";
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

const STORED = "millrace.refresh";
/** An access token is renewed so long before it ends. */
const EARLY_MS = 30_000;
const PEER_MS_MAX = 150;

/** Undefined: not known yet. Null: nobody. */
export const user = signal<User | null | undefined>(undefined);

let access: { readonly token: string; readonly untilMs: number } | undefined;
let renewal: Promise<string> | undefined;

type PeerMessage =
  | { readonly kind: "ask" }
  | { readonly kind: "refresh"; readonly token: string; readonly atMs: number }
  | { readonly kind: "signed-out" };

const peers = new BroadcastChannel("millrace.session");
let tokenAtMs = Number(sessionStorage.getItem(`${STORED}.at`) ?? 0);

peers.onmessage = ({ data }: MessageEvent<PeerMessage>) => {
  if (data.kind === "signed-out") return forget();
  if (data.kind === "refresh" && data.atMs > tokenAtMs) keep(data.token, data.atMs);
  const stored = sessionStorage.getItem(STORED);
  if (data.kind === "ask" && stored !== null) tell({ kind: "refresh", token: stored, atMs: tokenAtMs });
};

function tell(message: PeerMessage): void {
  peers.postMessage(message);
}

function keep(token: string, atMs: number): void {
  tokenAtMs = atMs;
  sessionStorage.setItem(STORED, token);
  sessionStorage.setItem(`${STORED}.at`, String(atMs));
}

function forget(): void {
  access = undefined;
  tokenAtMs = 0;
  sessionStorage.removeItem(STORED);
  sessionStorage.removeItem(`${STORED}.at`);
  user.value = null;
}

/** Finds out who is signed in, here or in another tab. */
export async function resume(): Promise<void> {
  await askPeers();
  if (sessionStorage.getItem(STORED) === null) {
    user.value = null;
    return;
  }
  try {
    await learnUser(await accessToken());
  } catch (error) {
    if (user.value === undefined && !(error instanceof ApiFailure && error.problem.status === 0)) forget();
    else if (user.value === undefined) setTimeout(() => void resume(), 2_000);
  }
}

/** Other tabs may have a newer refresh token than this one. */
async function askPeers(): Promise<void> {
  tell({ kind: "ask" });
  await new Promise((resolve) => setTimeout(resolve, PEER_MS_MAX));
}

export async function signIn(email: string, password: string): Promise<void> {
  take(await post("/api/auth/login", { email, password }));
  await learnUser(await accessToken());
}

/** Registers, and signs in. */
export async function register(email: string, password: string): Promise<void> {
  await post("/api/auth/register", { email, password });
  await signIn(email, password);
}

export async function signOut(): Promise<void> {
  const headers = { Authorization: `Bearer ${access?.token ?? ""}` };
  tell({ kind: "signed-out" });
  forget();
  await fetch("/api/auth/logout", { method: "POST", headers }).catch(() => {});
}

/** A token that is good for a while yet; one renewal serves all who wait. Rejects with an ApiFailure. */
export async function accessToken(): Promise<string> {
  if (access !== undefined && access.untilMs - EARLY_MS > Date.now()) return access.token;
  renewal ??= renew().finally(() => {
    renewal = undefined;
  });
  return await renewal;
}

/** After a 401: the token is no good, whatever its time. */
export function dropAccessToken(token: string): void {
  if (access?.token === token) access = undefined;
}

async function renew(): Promise<string> {
  await askPeers();
  const refreshToken = sessionStorage.getItem(STORED);
  if (refreshToken === null) {
    forget();
    throw new ApiFailure({
      ...{ status: 401, code: "UNAUTHENTICATED", title: "You are signed out", detail: "Sign in again." },
      ...{ errors: [], correlationId: null },
    });
  }
  try {
    return take(await post("/api/auth/refresh", { refresh_token: refreshToken }));
  } catch (error) {
    if (error instanceof ApiFailure && error.problem.status === 401) forget();
    throw error;
  }
}

function take(tokens: Tokens): string {
  access = { token: tokens.access_token, untilMs: Date.now() + tokens.expires_in * 1_000 };
  keep(tokens.refresh_token, Date.now());
  tell({ kind: "refresh", token: tokens.refresh_token, atMs: tokenAtMs });
  return tokens.access_token;
}

async function learnUser(token: string): Promise<void> {
  const response = await fetch("/api/auth/me", { headers: { Authorization: `Bearer ${token}` } }).catch(
    () => {
      throw unreachable();
    },
  );
  if (!response.ok) throw await readProblem(response);
  user.value = await response.json();
}

async function post(path: string, body: unknown): Promise<Tokens> {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => {
    throw unreachable();
  });
  if (!response.ok) throw await readProblem(response);
  return await response.json();
}

export function isOperator(): boolean {
  const role = user.value?.role;
  return role === "operator" || role === "admin";
}
