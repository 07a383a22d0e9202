import type { Role } from "@millrace/core";
import { SESSIONS_PER_USER_MAX } from "@millrace/core/limits";
import { orStoreFault, type Sql } from "../connect.ts";
import { judgeRotation, type RotationState, type RotationVerdict } from "./rotation.ts";

export interface NewSession {
  readonly userId: number;
  readonly familyHash: Uint8Array;
  readonly tokenHash: Uint8Array;
  readonly now: Date;
  readonly expiresAt: Date;
}

/** Expired sessions that each login clears away: more than it adds, so that the table stays bounded by itself. */
const EXPIRED_CLEARED = 10;

/** Opens a session, and ends the user's oldest beyond SESSIONS_PER_USER_MAX. */
export async function openSession(sql: Sql, session: NewSession): Promise<{ sessionId: number }> {
  const [opened] = await orStoreFault(sql<{ sessionId: number }[]>`
    insert into sessions (user_id, family_hash, token_hash, created_at, expires_at)
    values (${session.userId}, ${session.familyHash}, ${session.tokenHash}, ${session.now}, ${session.expiresAt})
    returning session_id as "sessionId"`);
  if (opened === undefined) throw new Error("an insert without a condition returned no row");
  await orStoreFault(sql`
    delete from sessions where session_id in (
      select session_id from sessions where user_id = ${session.userId}
      order by session_id desc offset ${SESSIONS_PER_USER_MAX})`);
  await orStoreFault(sql`
    delete from sessions where session_id in (
      select session_id from sessions where expires_at <= ${session.now}
      order by expires_at limit ${EXPIRED_CLEARED} for update skip locked)`);
  return opened;
}

export interface Rotation {
  readonly familyHash: Uint8Array;
  readonly tokenHash: Uint8Array;
  readonly successorHash: Uint8Array;
  readonly now: Date;
  readonly graceMs: number;
  /** Of the session, when the token is replaced. */
  readonly expiresAt: Date;
}

export type RotationResult =
  | { readonly kind: "unknown" }
  | {
      readonly kind: RotationVerdict;
      readonly sessionId: number;
      readonly userId: number;
      readonly role: Role;
      readonly isDisabled: boolean;
    };

type SessionRow = RotationState & { sessionId: number; userId: number; role: Role; isDisabled: boolean };

/** Judges a refresh token and does what follows from it, under a lock on its session. */
export async function rotateSession(sql: Sql, rotation: Rotation): Promise<RotationResult> {
  return orStoreFault(
    sql.begin(async (tx): Promise<RotationResult> => {
      const [row] = await tx<SessionRow[]>`
        select session_id as "sessionId", user_id as "userId", role, disabled_at is not null as "isDisabled",
          token_hash as "tokenHash", previous_hash as "previousHash", rotated_at as "rotatedAt",
          expires_at as "expiresAt", end_reason as "endReason"
        from sessions join users using (user_id)
        where family_hash = ${rotation.familyHash} for update of sessions`;
      if (row === undefined) return { kind: "unknown" };
      const kind = judgeRotation(row, rotation);
      if (kind === "rotate")
        await tx`update sessions set previous_hash = token_hash, token_hash = ${rotation.successorHash},
            rotated_at = ${rotation.now}, expires_at = ${rotation.expiresAt}
          where session_id = ${row.sessionId}`;
      if (kind === "reused")
        await tx`update sessions set ended_at = ${rotation.now}, end_reason = 'reuse'
          where session_id = ${row.sessionId} and ended_at is null`;
      const { sessionId, userId, role, isDisabled } = row;
      return { kind, sessionId, userId, role, isDisabled };
    }),
  );
}

/** @returns false when the session had ended before. */
export async function endSession(sql: Sql, sessionId: number, now: Date): Promise<boolean> {
  const ended = await orStoreFault(sql`
    update sessions set ended_at = ${now}, end_reason = 'logout'
    where session_id = ${sessionId} and ended_at is null`);
  return ended.count > 0;
}

/** @returns undefined when the session has ended or expired, or its user was disabled. */
export async function findLiveSession(
  sql: Sql,
  sessionId: number,
  now: Date,
): Promise<{ userId: number; role: Role } | undefined> {
  const rows = await orStoreFault(sql<{ userId: number; role: Role }[]>`
    select user_id as "userId", role from sessions join users using (user_id)
    where session_id = ${sessionId} and ended_at is null and expires_at > ${now} and disabled_at is null`);
  return rows[0];
}
