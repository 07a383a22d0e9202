import type { AlertView, PartView } from "@millrace/protocol/overview";
import { Badge } from "../../parts/badge.tsx";
import { Link } from "../../parts/link.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Panel } from "../../parts/panel.tsx";

export function Parts({ parts }: { readonly parts: readonly PartView[] }) {
  const sick = parts.filter(({ status }) => status !== "up").length;
  return (
    <Panel
      title="Health"
      about={<p>{sick === 0 ? "every part is up" : `${sick} of ${parts.length} need a look`}</p>}
    >
      <ul class="health">
        {parts.map((part) => (
          <li key={part.name}>
            <strong>{part.name}</strong>
            <span>
              <Badge word={part.status} />
            </span>
            <span class="soft">
              {part.reason ?? (part.instances > 1 ? `${part.instances} processes` : "")}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Where to look, and to act, when a rule fires. */
const PAGES: Readonly<Record<string, readonly [to: string, words: string]>> = {
  worker_dead: ["/workers", "Workers"],
  dead_letters_rising: ["/dead-letters", "Dead letters"],
  queue_age: ["/tasks?status=pending", "Pending tasks"],
  recorder_lag: ["/ledger", "Ledger"],
  ledger_uneven: ["/ledger", "Ledger"],
  disk_nearly_full: ["/workers", "Workers"],
  breaker_open: ["/guards", "Guards"],
  error_rate: ["/tasks?status=failed", "Failed tasks"],
};

export function Alerts({ alerts }: { readonly alerts: readonly AlertView[] }) {
  const firing = alerts.filter(({ state }) => state === "firing");
  return (
    <Panel title="Alerts" about={<p>{firing.length === 0 ? "none" : `${firing.length} firing`}</p>}>
      {alerts.length === 0 && (
        <p class="soft">Nothing needs you. Alerts appear here as they fire, and stay a while after.</p>
      )}
      <ul class="alerts" aria-live="polite">
        {alerts.map((alert) => (
          <AlertLine key={alert.id} alert={alert} />
        ))}
      </ul>
    </Panel>
  );
}

function AlertLine({ alert }: { readonly alert: AlertView }) {
  const { state, severity, summary, rule, since } = alert;
  const [to, words] = PAGES[rule] ?? [];
  return (
    <li class="alert">
      <span>
        <Badge word={state === "firing" ? severity : state} />
      </span>
      <span>
        {summary}
        <span class="small soft block">
          {rule}
          {to !== undefined && (
            <>
              {" · "}
              <Link to={to}>{words}</Link>
            </>
          )}
        </span>
      </span>
      <span class="soft small">
        <Moment at={since} isRelative />
      </span>
    </li>
  );
}
