import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export const PROJECT = join(import.meta.dirname, "../..");
export const DEPLOY = join(PROJECT, "deploy");

export type Fields = Readonly<Record<string, unknown>>;

/** One document of a YAML file. */
export interface Manifest {
  /** From the root of the project. */
  readonly path: string;
  readonly kind: string;
  readonly name: string;
  readonly fields: Fields;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at `path` of nested fields and lists, or undefined. `at(pod, "spec", "containers", 0)` */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, key) => {
    if (Array.isArray(found)) return found[Number(key)];
    return isFields(found) ? found[String(key)] : undefined;
  }, value);
}

export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

export function readText(...path: readonly string[]): string {
  return readFileSync(join(PROJECT, ...path), "utf8");
}

/** Each document of a file of the project. */
export function readYaml(path: string): readonly Fields[] {
  const parsed: unknown = Bun.YAML.parse(readText(path));
  return (Array.isArray(parsed) ? parsed : [parsed]).filter(isFields);
}

function yamlFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".yaml"))
    .map((entry) => relative(PROJECT, join(entry.parentPath, entry.name)))
    .sort();
}

/** Every document below deploy/kubernetes that a cluster is given, or that kustomize reads. */
export function readManifests(): readonly Manifest[] {
  return yamlFiles(join(DEPLOY, "kubernetes")).flatMap((path) =>
    readYaml(path)
      .filter((fields) => typeof fields.kind === "string")
      .map((fields) => ({
        path,
        kind: String(fields.kind),
        name: String(at(fields, "metadata", "name") ?? ""),
        fields,
      })),
  );
}

/** The names in `NAME=value` lines. */
export function namesInEnvFile(text: string): readonly string[] {
  return [...text.matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name = ""]) => name);
}
