import {
  FILE_BYTES_MAX,
  FILE_BYTES_PER_USER_DEFAULT,
  FILES_PER_USER_DEFAULT,
  UPLOADS_PER_USER_PER_MINUTE_DEFAULT,
} from "@millrace/core/limits";
import { integer, secret, text, url } from "./kinds.ts";

/** Where files are kept. */
export const storage = {
  storageUrl: url({
    name: "STORAGE_URL",
    about: "Where uploaded files and results are kept: a folder or an S3 bucket.",
    default: undefined,
    defaultText: "(file:<MILLRACE_HOME>/files)",
    schemes: ["file", "s3"],
  }),
  fileRetentionDays: integer({
    name: "FILE_RETENTION_DAYS",
    about: "How long files are kept after their upload, with their results; no longer than their tasks.",
    default: undefined,
    defaultText: "(TASK_RETENTION_DAYS)",
    min: 1,
    max: 3_660,
    unit: "days",
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
  userFilesMax: integer({
    name: "USER_FILES_MAX",
    about: "Files that one user may keep.",
    default: FILES_PER_USER_DEFAULT,
    min: 1,
    max: 1_000_000,
  }),
  userFileBytesMax: integer({
    name: "USER_FILE_BYTES_MAX",
    about: "Bytes that the files of one user may have together; their results are not counted.",
    default: FILE_BYTES_PER_USER_DEFAULT,
    min: FILE_BYTES_MAX,
    max: 2 ** 50,
  }),
  userUploadsPerMinute: integer({
    name: "USER_UPLOADS_PER_MINUTE",
    about: "Uploads that one user may begin within a minute, over all API processes.",
    default: UPLOADS_PER_USER_PER_MINUTE_DEFAULT,
    min: 1,
    max: 100_000,
  }),
};
