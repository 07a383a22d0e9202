import { join } from "node:path";
import { FAULTS } from "@millrace/core";
import { Elysia, NotFoundError } from "elysia";
import absolutePath from "swagger-ui-dist/absolute-path.js";
import { PROBLEM_CODES, PROBLEM_HELP } from "../docs/problems.ts";
import { escapeHtml, htmlPage } from "../http/html.ts";

/** Swagger UI's own files, from its package: nothing is loaded from elsewhere. */
const ASSETS: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
`;

const START_SCRIPT = `window.ui = SwaggerUIBundle({
  url: "/docs/json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false, validatorUrl: null,
});
`;

/** @param describe makes the OpenAPI document; called once, when somebody first asks. */
export function docsRoutes(describe: () => Promise<Record<string, unknown>>) {
  let document: Promise<Record<string, unknown>> | undefined;
  return new Elysia({ name: "docs", detail: { hide: true } })
    .get("/docs", () => htmlPage(DOCS_PAGE))
    .get("/docs/json", () => {
      document ??= describe();
      return document;
    })
    .get("/docs/assets/:name", ({ params }) => serveAsset(params.name))
    .get("/problems", () => htmlPage(problemsPage()));
}

async function serveAsset(name: string): Promise<Response> {
  const headers = { "Cache-Control": "public, max-age=86400" };
  if (name === "start.js")
    return new Response(START_SCRIPT, {
      headers: { ...headers, "Content-Type": "text/javascript; charset=utf-8" },
    });
  const type = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  if (type === undefined) throw new NotFoundError();
  const file = Bun.file(join(absolutePath(), name));
  return new Response(file, { headers: { ...headers, "Content-Type": type } });
}

function problemsPage(): string {
  const rows = PROBLEM_CODES.map((code) => {
    const { status, title } = FAULTS[code];
    const help = escapeHtml(PROBLEM_HELP[code]).replace(/`([^`]+)`/g, "<code>$1</code>");
    return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${escapeHtml(title)}</td><td>${help}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace: problem codes</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
table{border-collapse:collapse}td,th{border-bottom:1px solid #ccc;padding:.4rem .8rem;text-align:left;vertical-align:top}
tr:target{background:#fff3c4}</style></head>
<body><h1>Problem codes</h1>
<p>Errors are <code>application/problem+json</code> (RFC 9457). <code>code</code> is stable; <code>detail</code> is for people.</p>
<table><thead><tr><th>code</th><th>status</th><th>title</th><th>what it means, and what to do</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table></body></html>
`;
}
