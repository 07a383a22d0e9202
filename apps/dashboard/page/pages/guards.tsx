import { Nothing } from "../parts/nothing.tsx";
import { Page } from "../parts/panel.tsx";
import { isOperator } from "../wire/session.ts";
import { Breakers } from "./guards/breakers.tsx";
import { Limits } from "./guards/limits.tsx";
import { Pauses } from "./guards/pauses.tsx";

export function Guards() {
  if (!isOperator())
    return (
      <Page title="Guards">
        <Nothing title="Only operators see the guards.">Ask an administrator for the role.</Nothing>
      </Page>
    );
  return (
    <Page
      title="Guards"
      about="What holds tasks back: circuit breakers, limits and pauses. Tasks that wait for one use up no attempt."
    >
      <div class="stack">
        <Breakers />
        <Limits />
        <Pauses />
      </div>
    </Page>
  );
}
