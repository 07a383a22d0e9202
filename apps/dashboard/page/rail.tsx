import { useEffect, useRef } from "preact/hooks";
import { Link } from "./parts/link.tsx";
import { countWords } from "./parts/words.ts";
import { path } from "./state/location.ts";
import { whole } from "./state/overview.ts";
import { theme, toggleTheme } from "./state/theme.ts";
import { isOperator, signOut, user } from "./wire/session.ts";

interface Entry {
  readonly to: string;
  readonly name: string;
  readonly forOperators?: boolean;
}

const ENTRIES: readonly Entry[] = [
  { to: "/", name: "Overview" },
  { to: "/tasks", name: "Tasks" },
  { to: "/dead-letters", name: "Dead letters" },
  { to: "/schedules", name: "Schedules" },
  { to: "/workers", name: "Workers", forOperators: true },
  { to: "/guards", name: "Guards", forOperators: true },
  { to: "/events", name: "Events" },
  { to: "/ledger", name: "Ledger", forOperators: true },
  { to: "/files", name: "Files" },
];

export function Rail() {
  const here = path.value;
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the way between the pages is wider than the screen. Not by scrollIntoView, which moves where Tab goes on.
    const link = nav.current?.querySelector<HTMLElement>("[aria-current=page]");
    if (link == null) return;
    nav.current?.scrollTo({ left: link.offsetLeft - (nav.current.clientWidth - link.offsetWidth) / 2 });
  }, [here]);
  const entries = ENTRIES.filter(({ forOperators = false }) => !forOperators || isOperator());
  return (
    <header class="rail">
      <Link to="/" class="brand">
        <Mark />
        Millrace
      </Link>
      <nav aria-label="Pages" ref={nav}>
        <ul>
          {entries.map(({ to, name }) => (
            <li key={to}>
              <Link to={to} isCurrent={isWithin(to)}>
                {name}
                <Count of={to} />
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div class="account">
        <span class="who">
          {user.value?.email}
          <br />
          {user.value?.role}
        </span>
        <div class="row">
          <button type="button" class="plain" onClick={toggleTheme}>
            {theme.value === "dark" ? "Light" : "Dark"}
          </button>
          <button type="button" class="plain" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </div>
    </header>
  );
}

function isWithin(to: string): boolean {
  return to === "/" ? path.value === "/" : path.value === to || path.value.startsWith(`${to}/`);
}

/** What wants attention, beside the page where it is found. */
function Count({ of }: { readonly of: string }) {
  const numbers = whole.value;
  if (numbers === null) return null;
  const firing = numbers.alerts.filter(({ state }) => state === "firing").length;
  if (of === "/" && firing > 0)
    return (
      <span class="count bad">
        {firing} {firing === 1 ? "alert" : "alerts"}
      </span>
    );
  if (of === "/dead-letters" && numbers.counts.dead_letters > 0)
    return <span class="count bad">{countWords(numbers.counts.dead_letters)}</span>;
  if (of === "/tasks" && numbers.counts.running > 0)
    return <span class="count">{countWords(numbers.counts.running)} running</span>;
  const sick = numbers.workers.filter(({ status }) => status === "unhealthy" || status === "dead").length;
  if (of === "/workers" && sick > 0) return <span class="count bad">{sick}</span>;
  const held = numbers.breakers.filter(({ state }) => state !== "closed").length + numbers.paused.length;
  if (of === "/guards" && held > 0) return <span class="count bad">{held}</span>;
  return null;
}

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0b6360" />
      <path
        d="M5 12c4 0 4 4 8 4s4-4 8-4 4 4 6 4M5 20c4 0 4 4 8 4s4-4 8-4 4 4 6 4"
        fill="none"
        stroke="#fff"
        stroke-width="2.6"
        stroke-linecap="round"
      />
    </svg>
  );
}
