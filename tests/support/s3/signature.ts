import { createHash, createHmac } from "node:crypto";

/**
 * Signature Version 4, from Amazon's description of it, and with other means than the client's: a mistake in one of them
 * must not be made up for by the same mistake in the other.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export interface Signed {
  readonly request: Request;
  readonly body: Uint8Array;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const SKEW_MS_MAX = 15 * 60 * 1000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;

/** S3's code for what is wrong; undefined when nothing is. */
export function signatureProblem(signed: Signed): string | undefined {
  const { request, body, region, accessKeyId, secretAccessKey } = signed;
  const match = AUTHORIZATION.exec(request.headers.get("authorization") ?? "");
  if (match === null) return "AccessDenied";
  const [, keyId, day = "", saidRegion, names = "", signature] = match;
  if (keyId !== accessKeyId) return "InvalidAccessKeyId";
  if (saidRegion !== region) return "AuthorizationHeaderMalformed";
  const stamp = request.headers.get("x-amz-date") ?? "";
  const digest = request.headers.get("x-amz-content-sha256") ?? "";
  if (!stamp.startsWith(day) || Math.abs(timeOf(stamp) - Date.now()) > SKEW_MS_MAX)
    return "RequestTimeTooSkewed";
  if (digest !== sha256(body)) return "XAmzContentSHA256Mismatch";
  if (!names.split(";").includes("host")) return "SignatureDoesNotMatch";
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", stamp, scope, sha256(canonical(request, names, digest))].join("\n");
  const key = [day, region, "s3", "aws4_request"].reduce<Buffer | string>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  const expected = createHmac("sha256", key).update(text).digest("hex");
  return expected === signature ? undefined : "SignatureDoesNotMatch";
}

function canonical(request: Request, names: string, digest: string): string {
  const url = new URL(request.url);
  const path = url.pathname
    .split("/")
    .map((part) => escaped(decodeURIComponent(part)))
    .join("/");
  const query = [...url.searchParams]
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join("&");
  const headers = names.split(";").map((name) => `${name}:${(request.headers.get(name) ?? "").trim()}\n`);
  return [request.method, path, query, headers.join(""), names, digest].join("\n");
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function timeOf(stamp: string): number {
  return Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
