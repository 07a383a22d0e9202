/** The addresses of the dashboard beside `/`: the api answers each, and what lies below it, with the page. */
export const DASHBOARD_PAGES = [
  "tasks",
  "dead-letters",
  "schedules",
  "workers",
  "events",
  "guards",
  "ledger",
  "files",
] as const;
