import type { AlertView, PartView } from "@millrace/protocol/overview";
import { Badge } from "../../parts/badge.tsx";
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

export function Alerts({ alerts }: { readonly alerts: readonly AlertView[] }) {
  const firing = alerts.filter(({ state }) => state === "firing");
  return (
    <Panel title="Alerts" about={<p>{firing.length === 0 ? "none" : `${firing.length} firing`}</p>}>
      {alerts.length === 0 && (
        <p class="soft">Nothing needs you. Alerts appear here as they fire, and stay a while after.</p>
      )}
      <div aria-live="polite">
        {alerts.map((alert) => (
          <div class="alert" key={alert.id}>
            <Badge word={alert.state === "firing" ? alert.severity : alert.state} />
            <span>
              {alert.summary}
              <span class="small soft">
                {" "}
                {alert.rule}: {alert.value}, threshold {alert.threshold}
              </span>
            </span>
            <span class="soft small">
              <Moment at={alert.since} isRelative />
            </span>
          </div>
        ))}
      </div>
    </Panel>
  );
}
