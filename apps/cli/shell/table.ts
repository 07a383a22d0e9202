import { oneLine } from "./printable.ts";

const CELL_CHARS_MAX = 60;

/** Columns as wide as their widest cell, for people; the heading is in capitals, as `docker ps` and `kubectl` have it. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [
    heading.map((name) => name.toUpperCase()),
    ...rows.map((row) => row.map((cell) => clip(cell))),
  ];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function clip(cell: string): string {
  const text = oneLine(cell, CELL_CHARS_MAX);
  return text === "" ? "-" : text;
}

/** `name  value`, one pair a line, values in full; pairs without a value are left out. */
export function formatFields(pairs: readonly (readonly [name: string, value: string | null])[]): string {
  const shown = pairs.filter(([, value]) => value !== null && value !== "");
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(value ?? "")}`).join("\n");
}
