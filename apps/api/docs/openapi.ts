import { swagger } from "@elysiajs/swagger";
import { type AnyElysia, Elysia } from "elysia";
import { PROBLEM_CODES, problemTable } from "./problems.ts";

const DESCRIPTION = `Takes in work over HTTP, never loses it, and gets it done.

Every response carries \`X-Correlation-Id\`: yours when you sent one, else a new one. Errors are
\`application/problem+json\` (RFC 9457); their \`code\` is stable.

${problemTable()}`;

const PROBLEM_SCHEMA = {
  type: "object",
  required: ["type", "title", "status", "code", "detail", "correlation_id"],
  additionalProperties: false,
  properties: {
    type: { type: "string", description: "Where the code is explained." },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", enum: [...PROBLEM_CODES] },
    detail: { type: "string", description: "For people; may change." },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["path", "message"],
        additionalProperties: false,
        properties: {
          path: { type: "string", description: "JSON pointer into the input." },
          message: { type: "string" },
        },
      },
    },
    correlation_id: { type: "string" },
    limit: {
      type: "object",
      description: "EVENTS_BACKLOG, QUOTA_EXCEEDED, BODY_TOO_LARGE of uploads: the bound that was met.",
      properties: {
        name: { type: "string" },
        bytes: { type: "integer" },
        max: { type: "integer" },
        used: { type: "integer" },
        left: { type: "integer" },
      },
    },
    file_status: { type: "string", description: "FILE_NOT_READY: how far the file is." },
    taken: {
      type: "object",
      description: "Events: what was taken before the request failed. Send it again from `next_index` on.",
      properties: {
        accepted: { type: "integer" },
        next_index: { type: "integer" },
        receipt: { type: "string", nullable: true },
      },
    },
  },
} as const;

type Node = Record<string, unknown>;

/**
 * The OpenAPI document of some routes. The plugin runs on an app of its own, made for this: mounted in the app that
 * serves, it would add a page that loads its scripts from a CDN.
 */
export async function describeRoutes(routes: AnyElysia): Promise<Node> {
  const describer = new Elysia({ name: "describer" })
    .use(
      swagger({
        path: "/_describe",
        specPath: "/_describe/json",
        exclude: [/^\/_describe/],
        documentation: {
          info: { title: "Millrace", version: "0.1.0", description: DESCRIPTION },
          components: {
            securitySchemes: {
              bearer: { type: "http", scheme: "bearer", description: "An access token or an API key." },
              apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
            },
          },
        },
      }),
    )
    .use(routes);
  const response = await describer.handle(new Request("http://localhost/_describe/json"));
  const document = (await response.json()) as Node; // What the plugin builds, an OpenAPI object.
  const components = asNode(document.components);
  const schemas = { ...asNode(components.schemas), Problem: PROBLEM_SCHEMA };
  return toOpenApi({
    ...document,
    paths: repairPaths(asNode(document.paths)),
    components: { ...components, schemas },
  });
}

/** The plugin lists three content types for each body, since it does not see which reader a route uses. */
function repairPaths(paths: Node): Node {
  return mapValues(paths, (path) =>
    mapValues(asNode(path), (operation) => {
      const content = asNode(asNode(asNode(operation).requestBody).content);
      const json = content["application/json"];
      if (json === undefined) return operation;
      return { ...asNode(operation), requestBody: { required: true, content: { "application/json": json } } };
    }),
  );
}

/** TypeBox speaks JSON Schema; OpenAPI 3.0 knows neither `const` nor `patternProperties`, the type null nor `error`. */
function toOpenApi(node: Node): Node {
  const { const: constant, patternProperties, error, properties, ...rest } = node;
  const repaired = mapValues(rest, (value) => {
    if (Array.isArray(value)) return value.map((item) => (isNode(item) ? toOpenApi(item) : item));
    return isNode(value) ? toOpenApi(value) : value;
  });
  // The fields of an object may have any name, those of keywords too.
  if (isNode(properties)) repaired.properties = mapValues(properties, (field) => toOpenApi(asNode(field)));
  if (constant !== undefined) repaired.enum = [constant];
  if (isNode(patternProperties)) {
    const [schema] = Object.values(patternProperties);
    repaired.additionalProperties = isNode(schema) ? toOpenApi(schema) : true;
  }
  if (Array.isArray(repaired.anyOf)) return mergeChoices(repaired, repaired.anyOf.filter(isNode));
  return repaired;
}

/** A choice of words is one enum, and a choice with null is nullable. */
function mergeChoices(node: Node, choices: readonly Node[]): Node {
  const words = choices.flatMap(({ enum: one }) => (Array.isArray(one) ? one : []));
  if (words.length < choices.length) return withoutNull(node, choices);
  const { anyOf, ...others } = node;
  return { ...others, type: "string", enum: words };
}

function withoutNull(node: Node, choices: readonly Node[]): Node {
  const rest = choices.filter(({ type }) => type !== "null");
  if (rest.length === choices.length) return node;
  const { anyOf, ...others } = node;
  const [only] = rest;
  return rest.length === 1
    ? { ...others, ...only, nullable: true }
    : { ...others, anyOf: rest, nullable: true };
}

function mapValues(node: Node, change: (value: unknown) => unknown): Node {
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, change(value)]));
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asNode(value: unknown): Node {
  return isNode(value) ? value : {};
}
