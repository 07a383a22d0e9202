import { DASHBOARD_PAGES } from "@millrace/protocol/dashboard-pages";
import { Elysia, NotFoundError } from "elysia";
import { isBulkClient, PRODUCT_HEADERS, PRODUCT_INFO } from "../events/bulk/handshake.ts";
import { htmlPage } from "../http/html.ts";
import type { Ports } from "../ports.ts";

/** What people find where no dashboard was built. */
const HOME_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Millrace</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:40rem;padding:0 1rem}</style></head>
<body><h1>Millrace</h1>
<p>Takes in work over HTTP, never loses it, and gets it done.</p>
<ul><li><a href="/docs">The API</a>, and as <a href="/docs/json">OpenAPI</a></li>
<li><a href="/problems">Problem codes</a></li>
<li><a href="/health/ready">Health</a></li></ul>
<p>The dashboard is not built here: see DASHBOARD_FOLDER.</p></body></html>
`;

/** The dashboard. Log shippers ask `/`, too, and want to know what they talk to. */
export function homeRoutes({ dashboard }: Pick<Ports, "dashboard">) {
  const home = new Elysia({ name: "home", detail: { hide: true } }).get("/", ({ request }) => {
    if (isBulkClient(request.headers)) return Response.json(PRODUCT_INFO, { headers: PRODUCT_HEADERS });
    return dashboard?.page(request) ?? htmlPage(HOME_PAGE);
  });
  if (dashboard === null) return home;
  home.get("/assets/:name", ({ params, request }) => {
    const response = dashboard.asset(params.name, request);
    if (response === null) throw new NotFoundError();
    return response;
  });
  for (const page of DASHBOARD_PAGES) {
    home.get(`/${page}`, ({ request }) => dashboard.page(request));
    home.get(`/${page}/*`, ({ request }) => dashboard.page(request));
  }
  return home;
}
