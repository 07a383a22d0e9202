import { render } from "preact";
import { App } from "./app.tsx";
import { resume } from "./wire/session.ts";

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no #app");
render(<App />, root);
await resume();
