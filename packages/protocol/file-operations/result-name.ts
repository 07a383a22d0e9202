import type { FileOperationName } from "./operations.ts";

const EXTENSION = /\.([A-Za-z0-9]{1,10})$/;

/**
 * What a result is called, after the file it was made of: `report.csv` → `report.csv-profile.json`, `report.csv.gz`,
 * `report.uppercase.csv`. Names are for people and headers only; they never reach a file system.
 * @param extension of the result, without the dot; null: as the file.
 */
export function resultName(filename: string, operation: FileOperationName, extension: string | null): string {
  if (operation === "gzip") return `${filename}.${extension ?? "gz"}`;
  const own = EXTENSION.exec(filename)?.[1];
  const stem = own === undefined ? filename : filename.slice(0, -own.length - 1);
  const ending = extension ?? own;
  return `${stem}.${operation}${ending === undefined ? "" : `.${ending}`}`;
}
