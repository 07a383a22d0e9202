import { useState } from "preact/hooks";
import { Mark } from "../rail.tsx";
import { wordsOf } from "../state/notices.ts";
import { register, signIn } from "../wire/session.ts";

export function SignIn() {
  const [isNew, setNew] = useState(false);
  const [mistake, setMistake] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement) => {
    const fields = new FormData(form);
    const [email, password] = [String(fields.get("email")), String(fields.get("password"))];
    setBusy(true);
    setMistake("");
    try {
      await (isNew ? register(email, password) : signIn(email, password));
    } catch (error) {
      setMistake(wordsOf(error));
      setBusy(false);
    }
  };
  return (
    <div class="gate">
      <main>
        <h1 class="brand">
          <Mark />
          Millrace
        </h1>
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void submit(event.currentTarget);
          }}
        >
          <Fields isNew={isNew} />
          {mistake !== "" && (
            <p class="mistake" role="alert">
              {mistake}
            </p>
          )}
          <button type="submit" class="main" disabled={isBusy}>
            {isNew ? "Register and sign in" : "Sign in"}
          </button>
        </form>
        <p class="small soft">
          <button type="button" class="plain" onClick={() => setNew(!isNew)}>
            {isNew ? "I have an account: sign in" : "No account yet: register"}
          </button>
        </p>
        <p class="small soft">
          After <code>bun start</code>, the administrator's address and password are in <code>run.json</code>,
          in the folder that the terminal names.
        </p>
      </main>
    </div>
  );
}

function Fields({ isNew }: { readonly isNew: boolean }) {
  return (
    <>
      <label>
        Email
        <input name="email" type="email" autocomplete="username" required />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autocomplete={isNew ? "new-password" : "current-password"}
          minLength={isNew ? 10 : 1}
          required
        />
      </label>
    </>
  );
}
