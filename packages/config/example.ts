import type { Variable } from "./kinds.ts";
import { SECTIONS } from "./variables.ts";

const HEAD = `# Everything that Millrace reads from its environment. Nothing needs to be set: what stands here is the default.
# Copy this file to .env, and remove the "#" before what you change. All mistakes are reported together at start.
# Written by: bun packages/config/example.ts > .env.example
`;

function entry(variable: Variable<unknown>): string {
  const { about, expects, name, defaultText } = variable;
  const isConstant = !defaultText.startsWith("(");
  const absent = isConstant ? "" : `\n# When not set: ${defaultText.slice(1, -1)}.`;
  return `# ${about}\n# Must be ${expects}.${absent}\n# ${name}=${isConstant ? defaultText : ""}\n`;
}

/** The text of `.env.example`. */
export function formatExample(): string {
  const sections = Object.entries(SECTIONS).map(
    ([title, section]) => `# ── ${title}\n\n${Object.values(section).map(entry).join("\n")}`,
  );
  return `${HEAD}\n${sections.join("\n")}`;
}

if (import.meta.main) process.stdout.write(formatExample());
