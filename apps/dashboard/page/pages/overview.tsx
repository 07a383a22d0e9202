import type { OwnOverview, WholeOverview } from "@millrace/protocol/overview";
import { Link } from "../parts/link.tsx";
import { Moment } from "../parts/moment.tsx";
import { Nothing } from "../parts/nothing.tsx";
import { Page, Panel } from "../parts/panel.tsx";
import { countWords, durationWords, rateWords } from "../parts/words.ts";
import { own, whole } from "../state/overview.ts";
import { Failures, RunTimes, Standing, Throughput } from "./overview/charts.tsx";
import { Depth } from "./overview/depth.tsx";
import { Alerts, Parts } from "./overview/health.tsx";
import { Race, Stage } from "./overview/race.tsx";
import { WorkerLines } from "./overview/worker-lines.tsx";

export function Overview() {
  if (whole.value !== null) return <WholePage numbers={whole.value} />;
  if (own.value !== null) return <OwnPage numbers={own.value} />;
  return (
    <Page title="Overview">
      <p class="nothing" aria-busy="true">
        Waiting for the first numbers …
      </p>
    </Page>
  );
}

function WholePage({ numbers }: { readonly numbers: WholeOverview }) {
  const hasNothing = numbers.counts.pending + numbers.counts.running + numbers.counts.completed_1h === 0;
  const { history } = numbers;
  const isTrouble =
    numbers.alerts.some(({ state }) => state === "firing") ||
    numbers.parts.some(({ status }) => status !== "up");
  // What is wrong comes first; when nothing is, it would be in the way.
  const watch = [
    <Alerts key="alerts" alerts={numbers.alerts} />,
    <Parts key="parts" parts={numbers.parts} />,
  ];
  return (
    <Page
      title="Overview"
      about={
        <>
          As of <Moment at={numbers.at} />, each second
        </>
      }
    >
      <Race numbers={numbers} />
      <div class="grid">
        {isTrouble && watch}
        <Throughput key="throughput" history={history} />
        <RunTimes key="run-times" history={history} numbers={numbers} />
        <Standing key="standing" history={history} numbers={numbers} />
        <Failures key="failures" history={history} numbers={numbers} />
        <Depth key="depth" depth={numbers.depth} paused={numbers.paused} />
        <EventFlow key="events" numbers={numbers} />
        {!isTrouble && watch}
        <WorkerLines workers={numbers.workers} />
        {hasNothing && <FirstSteps />}
      </div>
    </Page>
  );
}

function EventFlow({ numbers: { events } }: { readonly numbers: WholeOverview }) {
  const rate = (perSecond: number | null) => (perSecond === null ? "–" : `${rateWords(perSecond)}`);
  return (
    <Panel title="Events" about={<Link to="/events">All events</Link>}>
      <dl class="facts">
        <Fact name="Accepted" value={rate(events.accepted_per_s)} unit="/s" />
        <Fact name="Stored" value={rate(events.stored_per_s)} unit="/s" />
        <Fact
          name="Recorder behind by"
          value={events.lag_events === null ? "–" : countWords(events.lag_events)}
          unit={events.lag_seconds === null ? "" : ` events, ${durationWords(events.lag_seconds * 1_000)}`}
        />
      </dl>
    </Panel>
  );
}

interface FactProps {
  readonly name: string;
  readonly value: string;
  readonly unit: string;
}

function Fact({ name, value, unit }: FactProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{unit}</small>
      </dd>
    </div>
  );
}

function FirstSteps() {
  return (
    <Panel title="Nothing has happened in the last hour" class="across">
      <p>Send a first task, and watch it here:</p>
      <pre class="json">
        {`curl ${window.location.origin}/api/tasks -H "Authorization: Bearer $API_KEY" \\
  -H "Content-Type: application/json" -d '{"task_type":"simulate","payload":{"duration_ms":2000}}'`}
      </pre>
      <p class="soft">
        or run <code>bun run demo</code>. All of the API is described at <a href="/docs">/docs</a>.
      </p>
    </Panel>
  );
}

function OwnPage({ numbers: { counts, parts } }: { readonly numbers: OwnOverview }) {
  const isIdle = Object.values(counts).every((count) => count === 0);
  return (
    <Page title="Overview" about="Your tasks of the last hour">
      <ol class="race">
        <Stage name="Pending" figure={counts.pending} to="/tasks?status=pending" />
        <Stage name="Running" figure={counts.running} to="/tasks?status=running" tone="busy" />
        <Stage name="Completed" figure={counts.completed} to="/tasks?status=completed" tone="good" />
        <Stage name="Failed" figure={counts.failed} to="/tasks?status=failed" tone="bad" />
        <Stage name="Cancelled" figure={counts.cancelled} to="/tasks?status=cancelled" />
      </ol>
      <div class="grid">
        <Parts parts={parts} />
        {isIdle && (
          <Nothing title="No tasks of yours in the last hour.">
            <Link to="/files">Upload a file</Link> or submit a task through the API, described at{" "}
            <a href="/docs">/docs</a>.
          </Nothing>
        )}
      </div>
    </Page>
  );
}
