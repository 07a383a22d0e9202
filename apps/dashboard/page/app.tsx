import { useEffect, useRef } from "preact/hooks";
import { SignIn } from "./pages/sign-in.tsx";
import { pageFor } from "./pages.tsx";
import { Notices } from "./parts/notices.tsx";
import { Rail } from "./rail.tsx";
import { path } from "./state/location.ts";
import { connection, watchOverview } from "./state/overview.ts";
import { user } from "./wire/session.ts";

export function App() {
  if (user.value === undefined) return <p class="nothing">One moment …</p>;
  return (
    <>
      {user.value === null ? <SignIn /> : <Shell key={user.value.user_id} />}
      <Notices />
    </>
  );
}

function Shell() {
  useEffect(watchOverview, []);
  const { title, content } = pageFor(path.value);
  const shown = useRef(path.value);
  useEffect(() => {
    // Whoever hears the page, or uses no mouse, goes on at its beginning.
    if (shown.current !== path.value) document.getElementById("content")?.focus({ preventScroll: true });
    shown.current = path.value;
  }, [path.value]);
  useEffect(() => {
    document.title = `${title} · Millrace`;
  }, [title]);
  return (
    <>
      <a class="skip" href="#content">
        To the content
      </a>
      <div class="shell">
        <Rail />
        <div>
          <Banner />
          <main class="page" id="content" tabIndex={-1}>
            {content}
          </main>
        </div>
      </div>
    </>
  );
}

function Banner() {
  return (
    <div role="status" aria-live="polite">
      {connection.value === "broken" && (
        <p class="banner">The live connection broke. What you see may be old; connecting again …</p>
      )}
    </div>
  );
}
