import { Elysia } from "elysia";
import { isBulkClient, PRODUCT_HEADERS, PRODUCT_INFO } from "../events/bulk/handshake.ts";
import { htmlPage } from "../http/html.ts";

const HOME_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Millrace</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:40rem;padding:0 1rem}</style></head>
<body><h1>Millrace</h1>
<p>Takes in work over HTTP, never loses it, and gets it done.</p>
<ul><li><a href="/docs">The API</a>, and as <a href="/docs/json">OpenAPI</a></li>
<li><a href="/problems">Problem codes</a></li>
<li><a href="/health/ready">Health</a></li></ul></body></html>
`;

/** Log shippers ask `/` what they talk to; people get the page. */
export const homeRoutes = new Elysia({ name: "home", detail: { hide: true } }).get("/", ({ request }) =>
  isBulkClient(request.headers)
    ? Response.json(PRODUCT_INFO, { headers: PRODUCT_HEADERS })
    : htmlPage(HOME_PAGE),
);
