import { Bucket, S3Refusal } from "./bucket.ts";
import { signatureProblem } from "./signature.ts";

interface Told {
  readonly port: number;
  readonly folder: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const told: Told = JSON.parse(process.argv[2] ?? "{}");
const bucket = new Bucket(told.folder);

interface Call {
  readonly request: Request;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
}

type Handle = (call: Call) => Response;

/** `PUT`, and the one query parameter that makes it another operation. */
const OPERATIONS: Readonly<Record<string, Handle>> = {
  "GET bucket list-type": listObjects,
  "GET bucket uploads": listMultiparts,
  "GET object": getObject,
  "HEAD object": getObject,
  "PUT object": ({ key, body, request }) => {
    const { etag } = bucket.put(key, body, request.headers);
    return new Response(null, { headers: { etag } });
  },
  "DELETE object": ({ key }) => {
    bucket.remove(key);
    return new Response(null, { status: 204 });
  },
  "POST object uploads": ({ key, request }) => {
    const { id } = bucket.begin(key, request.headers);
    return xml("InitiateMultipartUploadResult", `<Key>${key}</Key><UploadId>${id}</UploadId>`);
  },
  "PUT object uploadId": ({ key, query, body }) => {
    const multipart = bucket.multipart(key, query.get("uploadId") ?? "");
    const etag = bucket.addPart(multipart, Number(query.get("partNumber")), body);
    return new Response(null, { headers: { etag } });
  },
  "POST object uploadId": completeMultipart,
  "DELETE object uploadId": ({ key, query }) => {
    bucket.abort(bucket.multipart(key, query.get("uploadId") ?? ""));
    return new Response(null, { status: 204 });
  },
};

function getObject({ key, request }: Call): Response {
  const found = bucket.objects.get(key);
  if (found === undefined) throw new S3Refusal(404, "NoSuchKey");
  const wanted = request.headers.get("if-match");
  if (wanted !== null && wanted !== found.etag) throw new S3Refusal(412, "PreconditionFailed");
  const { etag, bytes, modifiedAt, meta, path } = found;
  const headers = { etag, "last-modified": modifiedAt.toUTCString(), "accept-ranges": "bytes", ...meta };
  if (request.method === "HEAD")
    return new Response(null, { headers: { ...headers, "content-length": String(bytes) } });
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
  if (first === undefined) return new Response(Bun.file(path), { headers });
  const [start, end] = [Number(first), Math.min(last === "" ? bytes - 1 : Number(last), bytes - 1)];
  if (start >= bytes) throw new S3Refusal(416, "InvalidRange");
  const range = { "content-range": `bytes ${start}-${end}/${bytes}` };
  return new Response(Bun.file(path).slice(start, end + 1), {
    status: 206,
    headers: { ...headers, ...range },
  });
}

function completeMultipart({ key, query, body }: Call): Response {
  const multipart = bucket.multipart(key, query.get("uploadId") ?? "");
  const parts = [...new TextDecoder().decode(body).matchAll(/<Part>(.*?)<\/Part>/gs)].map(
    ([, part = ""]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: (/<ETag>(.*?)</.exec(part)?.[1] ?? "").replace(/&(quot|#34);/g, '"'),
    }),
  );
  const { etag } = bucket.complete(multipart, parts);
  return xml(
    "CompleteMultipartUploadResult",
    `<Key>${key}</Key><ETag>${etag.replaceAll('"', "&quot;")}</ETag>`,
  );
}

function listObjects({ query }: Call): Response {
  const prefix = query.get("prefix") ?? "";
  const after = query.get("start-after") ?? "";
  const limit = Number(query.get("max-keys") ?? 1000);
  const keys = [...bucket.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const contents = keys.slice(0, limit).map((key) => {
    const object = bucket.objects.get(key);
    return `<Contents><Key>${key}</Key><Size>${object?.bytes}</Size><LastModified>${object?.modifiedAt.toISOString()}</LastModified></Contents>`;
  });
  return xml("ListBucketResult", `<IsTruncated>${keys.length > limit}</IsTruncated>${contents.join("")}`);
}

function listMultiparts({ query }: Call): Response {
  const prefix = query.get("prefix") ?? "";
  const uploads = [...bucket.multiparts.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .map(
      ({ key, id, initiatedAt }) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiatedAt.toISOString()}</Initiated></Upload>`,
    );
  return xml("ListMultipartUploadsResult", `<IsTruncated>false</IsTruncated>${uploads.join("")}`);
}

function xml(element: string, content: string, status = 200): Response {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<${element}>${content}</${element}>`;
  return new Response(body, { status, headers: { "content-type": "application/xml" } });
}

function answer(call: Call): Response {
  const { request, query, key, body } = call;
  const problem = signatureProblem({ ...told, request, body });
  if (problem !== undefined) throw new S3Refusal(403, problem);
  const which = ["uploads", "uploadId", "list-type"].find((name) => query.has(name));
  const operation = [request.method, key === "" ? "bucket" : "object", which].filter(Boolean).join(" ");
  const handle = OPERATIONS[operation];
  if (handle === undefined) throw new S3Refusal(405, "MethodNotAllowed");
  return handle(call);
}

async function serve(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const [, name = "", ...rest] = url.pathname.split("/");
  try {
    if (name !== told.bucket) throw new S3Refusal(404, "NoSuchBucket");
    const key = decodeURIComponent(rest.join("/"));
    return answer({ request, key, query: url.searchParams, body: await request.bytes() });
  } catch (error) {
    if (!(error instanceof S3Refusal)) throw error;
    const { status, code } = error;
    return xml("Error", `<Code>${code}</Code><Message>refused</Message>`, status);
  }
}

Bun.serve({ hostname: "127.0.0.1", port: told.port, fetch: serve, maxRequestBodySize: 64 * 1024 * 1024 });
