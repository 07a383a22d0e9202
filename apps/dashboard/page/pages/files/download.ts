import { callApi } from "../../wire/api.ts";

/** A link cannot send the token, so the file comes through memory; files are bounded to 100 MB. */
export async function download(path: string, name: string): Promise<void> {
  const response = await callApi(path);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
