import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { scratch } from "./scratch.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const INSTALL_MS_MAX = 400_000;
/** For the hook that opens the browser first: it may have to be installed. */
export const BROWSER_MS = 2 * INSTALL_MS_MAX;

let launched: Promise<Browser> | undefined;

/** One browser for the whole run of tests; each test opens a context of its own. */
export function openBrowser(): Promise<Browser> {
  launched ??= launch();
  return launched;
}

async function launch(): Promise<Browser> {
  const executablePath = findChromium() ?? (await installChromium());
  // The sandbox needs a kernel's user namespaces, which containers and root do not have; the pages are our own.
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  const { atEnd } = await scratch();
  atEnd(() => browser.close());
  return browser;
}

function findChromium(): string | undefined {
  const named = process.env.CHROMIUM_BIN ?? "";
  if (named !== "") {
    if (!existsSync(named)) throw new Error(`CHROMIUM_BIN names ${named}, which is not there`);
    return named;
  }
  return NAMES.map((name) => Bun.which(name)).find((path) => path !== null) ?? undefined;
}

const ADVICE =
  "the dashboard's tests need Chromium: install it (Debian: apt-get install chromium), or set CHROMIUM_BIN";

/** On a Debian machine that is ours alone, such as a container, the missing browser is installed. */
async function installChromium(): Promise<string> {
  if (process.getuid?.() !== 0 || Bun.which("apt-get") === null) throw new Error(ADVICE);
  process.stderr.write("installing Chromium for the dashboard's tests …\n");
  for (const args of [
    ["update", "-q"],
    ["install", "-y", "-q", "--no-install-recommends", "chromium"],
  ]) {
    const child = Bun.spawn(["apt-get", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: INSTALL_MS_MAX,
    });
    const [errors, status] = await Promise.all([child.stderr.text(), child.exited]);
    if (status !== 0) throw new Error(`${ADVICE}; apt-get ${args[0]} failed: ${errors.trim().slice(-500)}`);
  }
  const path = findChromium();
  if (path === undefined) throw new Error(ADVICE);
  return path;
}

/** For what a page does by itself; others may keep the machine busy. */
export const SOON_MS = 30_000;

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong in the page: errors, and what its policy refused. */
  readonly complaints: readonly string[];
}

export interface VisitOptions {
  readonly width?: number;
  readonly colorScheme?: "light" | "dark";
}

export async function visit(url: string, options: VisitOptions = {}): Promise<Visit> {
  const browser = await openBrowser();
  const { width = 1440, colorScheme = "light" } = options;
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme,
    timezoneId: "Europe/Berlin",
    acceptDownloads: true,
  });
  context.setDefaultTimeout(SOON_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(url);
  return { page, context, complaints };
}

export interface Person {
  readonly email: string;
  readonly password: string;
}

export async function signInAs(page: Page, { email, password }: Person): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}
