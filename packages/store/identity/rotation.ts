/**
 * What a refresh token is worth, decided without I/O.
 *
 * Every use of a refresh token replaces it. A token that comes back although it was replaced was copied: either its
 * owner or a thief uses it for the second time, and nobody can tell which, so the whole session ends. The one honest
 * reason to come back is a lost response. Hence, for a short grace and only until the successor is used, the replaced
 * token gives the same successor again; successors are derived, not drawn, so that two such requests agree.
 */
export interface RotationState {
  readonly tokenHash: Uint8Array;
  readonly previousHash: Uint8Array | null;
  readonly rotatedAt: Date | null;
  readonly expiresAt: Date;
  readonly endReason: "logout" | "reuse" | null;
}

export type RotationVerdict =
  /** The current token: store the successor. */
  | "rotate"
  /** The lost response again: answer with the successor that is stored already. */
  | "repeat"
  /** A copy: end the session. */
  | "reused"
  /** Ended by logging out. */
  | "ended"
  | "expired";

export interface Presented {
  readonly tokenHash: Uint8Array;
  readonly successorHash: Uint8Array;
  readonly now: Date;
  readonly graceMs: number;
}

export function judgeRotation(state: RotationState, presented: Presented): RotationVerdict {
  if (state.endReason === "reuse") return "reused";
  if (state.endReason === "logout") return "ended";
  if (state.expiresAt <= presented.now) return "expired";
  if (isSame(state.tokenHash, presented.tokenHash)) return "rotate";
  return isLostResponse(state, presented) ? "repeat" : "reused";
}

function isLostResponse(state: RotationState, presented: Presented): boolean {
  if (state.previousHash === null || state.rotatedAt === null) return false;
  const ageMs = presented.now.getTime() - state.rotatedAt.getTime();
  return (
    isSame(state.previousHash, presented.tokenHash) &&
    isSame(state.tokenHash, presented.successorHash) &&
    ageMs <= presented.graceMs
  );
}

/** Of hashes of random tokens: how long the comparison takes tells nothing about the tokens. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
