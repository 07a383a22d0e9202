/** How a process of the product is, as it answers on `live.parts`. */
export interface PartReport {
  /** `api`, `recorder`, `scheduler`, `worker`: several processes may share one. */
  readonly name: string;
  /** Tells the processes of one name apart; another one after each start. */
  readonly instance: string;
  readonly status: "ready" | "not_ready";
  /** What it needs, by name. */
  readonly checks: Readonly<Record<string, PartCheck>>;
  /** What it counts and measures, for the overview; numbers count from its start. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface PartCheck {
  readonly status: "up" | "down";
  readonly reason?: string;
}

/** Null for what is no report of ours: anybody can answer. */
export function decodePartReport(body: string): PartReport | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  return isPartReport(value) ? value : null;
}

function isPartReport(value: unknown): value is PartReport {
  if (typeof value !== "object" || value === null) return false;
  const report = value as Partial<Record<keyof PartReport, unknown>>;
  return (
    typeof report.name === "string" &&
    typeof report.instance === "string" &&
    (report.status === "ready" || report.status === "not_ready") &&
    typeof report.checks === "object" &&
    report.checks !== null
  );
}
