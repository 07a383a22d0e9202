import { secret, text, url } from "./kinds.ts";

/** Where files are kept. */
export const storage = {
  storageUrl: url({
    name: "STORAGE_URL",
    about: "Where uploaded files and results are kept: a folder or an S3 bucket.",
    default: undefined,
    defaultText: "(file:<MILLRACE_HOME>/files)",
    schemes: ["file", "s3"],
  }),
  s3Endpoint: url({
    name: "S3_ENDPOINT",
    about: "The S3 service, when it is not Amazon's.",
    default: undefined,
    schemes: ["http", "https"],
  }),
  s3Region: text({
    name: "S3_REGION",
    about: "The region of the bucket.",
    default: "us-east-1",
    expects: "a region's name",
    isValid: (given) => /^[a-z0-9-]{1,64}$/i.test(given),
  }),
  s3AccessKeyId: secret({
    name: "S3_ACCESS_KEY_ID",
    about: "Half of the credentials of the bucket.",
    default: undefined,
    charsMin: 1,
    charsMax: 256,
  }),
  s3SecretAccessKey: secret({
    name: "S3_SECRET_ACCESS_KEY",
    about: "The other half.",
    default: undefined,
    charsMin: 1,
    charsMax: 512,
  }),
};
