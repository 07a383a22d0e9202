/** Where the objects are, and who we are there. */
export interface S3Place {
  /** With the bucket, without a slash at the end. */
  readonly bucketUrl: string;
  /** "" or "some/folder/". */
  readonly prefix: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3Settings {
  /** `s3://bucket[/prefix]`. */
  readonly url: string;
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^([A-Za-z0-9_-][A-Za-z0-9_.-]*\/)*$/;
const PREFIX_CHARS_MAX = 200;

/** Throws, for the start of a process, when the settings name no place. */
export function s3PlaceOf(settings: S3Settings): S3Place {
  const { region, accessKeyId, secretAccessKey } = settings;
  const [, bucket = "", path = ""] = /^s3:\/\/([^/?#]*)\/?([^?#]*)$/.exec(settings.url) ?? [];
  const prefix = path === "" || path.endsWith("/") ? path : `${path}/`;
  if (!BUCKET.test(bucket))
    throw new Error(`STORAGE_URL ${settings.url} names no bucket: s3://bucket[/prefix]`);
  if (!PREFIX.test(prefix) || prefix.length > PREFIX_CHARS_MAX)
    throw new Error(
      `STORAGE_URL ${settings.url}: a prefix is made of letters, digits and -_. between slashes`,
    );
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error("STORAGE_URL is in S3, so S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set");
  return { bucketUrl: bucketUrlOf(bucket, settings), prefix, region, accessKeyId, secretAccessKey };
}

/** Amazon wants the bucket as a host name, which a dot in it would break for TLS; others know it as a path. */
function bucketUrlOf(bucket: string, { endpoint, region }: S3Settings): string {
  if (endpoint !== undefined) return `${endpoint.replace(/\/+$/, "")}/${bucket}`;
  const host = `s3.${region}.amazonaws.com`;
  return bucket.includes(".") ? `https://${host}/${bucket}` : `https://${bucket}.${host}`;
}
