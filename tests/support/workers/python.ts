import { join } from "node:path";

export const PYTHON_WORKER = join(import.meta.dirname, "../../../packages/client/examples/worker.py");

/** The worker in Python, as a process of its own. Null where there is no Python. */
export function startPythonWorker(baseUrl: string, apiKey: string, workerId: string) {
  const python = Bun.which("python3");
  if (python === null) return null;
  return Bun.spawn([python, PYTHON_WORKER, workerId], {
    env: { ...process.env, MILLRACE_URL: baseUrl, MILLRACE_API_KEY: apiKey },
    stdout: "pipe",
    stderr: "pipe",
  });
}
