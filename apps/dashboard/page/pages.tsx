import type { ComponentChild } from "preact";
import { DeadLetters } from "./pages/dead-letters.tsx";
import { Events } from "./pages/events.tsx";
import { Files } from "./pages/files.tsx";
import { Guards } from "./pages/guards.tsx";
import { Ledger } from "./pages/ledger.tsx";
import { Overview } from "./pages/overview.tsx";
import { Schedules } from "./pages/schedules.tsx";
import { Task } from "./pages/task.tsx";
import { Tasks } from "./pages/tasks.tsx";
import { Workers } from "./pages/workers.tsx";
import { Link } from "./parts/link.tsx";
import { Nothing } from "./parts/nothing.tsx";

interface Shown {
  readonly title: string;
  readonly content: ComponentChild;
}

/** Which page an address means. */
export function pageFor(path: string): Shown {
  const [, first = "", ...rest] = path.split("/");
  const id = decodeURIComponent(rest.join("/"));
  if (first === "tasks" && id !== "") return { title: id, content: <Task key={id} taskId={id} /> };
  if (id !== "") return missing();
  switch (first) {
    case "":
      return { title: "Overview", content: <Overview /> };
    case "tasks":
      return { title: "Tasks", content: <Tasks /> };
    case "dead-letters":
      return { title: "Dead letters", content: <DeadLetters /> };
    case "workers":
      return { title: "Workers", content: <Workers /> };
    case "events":
      return { title: "Events", content: <Events /> };
    case "files":
      return { title: "Files", content: <Files /> };
    case "schedules":
      return { title: "Schedules", content: <Schedules /> };
    case "guards":
      return { title: "Guards", content: <Guards /> };
    case "ledger":
      return { title: "Ledger", content: <Ledger /> };
    default:
      return missing();
  }
}

function missing(): Shown {
  const content = (
    <Nothing title="There is no such page.">
      <Link to="/">To the overview</Link>
    </Nothing>
  );
  return { title: "Not found", content };
}
