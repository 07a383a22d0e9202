import { join } from "node:path";
import { runAlone } from "@millrace/worker/quarantine/run-alone";

/** A process that runs a loop without end alone, and passes on what it writes: to be killed. */
await runAlone({
  order: {
    ...{ kind: "run", modulePath: join(import.meta.dirname, "deadly-task-type.ts"), taskType: "deadly" },
    ...{ taskId: "t", attempt: 1, payload: "loop", correlationId: "c", timeoutMs: 600_000 },
    ports: { egress: { allowLoopback: false, allow: [], denyPorts: [] }, allowCrash: false },
  },
  signal: new AbortController().signal,
  memoryBytesMax: 2 ** 30,
  onProgress: () => {},
  echo: (bytes) => void process.stdout.write(bytes),
});
