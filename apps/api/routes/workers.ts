import { Fault } from "@millrace/core";
import { AUTH_BODY_BYTES_MAX, BODY_BYTES_MAX, LEASE_S } from "@millrace/core/limits";
import type { RemoteWorker } from "@millrace/store";
import { Elysia } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { jsonBody } from "../http/json-body.ts";
import { optionalJsonBody } from "../http/optional-json-body.ts";
import type { Ports } from "../ports.ts";
import { beatWorker } from "../use-cases/beat-worker.ts";
import { drainWorker, removeWorker, resumeWorker } from "../use-cases/drain-worker.ts";
import { leaseTasks } from "../use-cases/lease-tasks.ts";
import { registerWorker } from "../use-cases/register-worker.ts";
import { isShown, viewWorker } from "../workers/view-worker.ts";
import {
  HeartbeatAnswer,
  HeartbeatWish,
  LeaseAnswer,
  LeaseWish,
  RegistrationAnswer,
  WorkerAnswer,
  WorkerList,
  WorkerParams,
  WorkerWish,
} from "./worker-schemas.ts";

const tag = "Workers";
const BODY_FAULTS = ["BAD_JSON", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "VALIDATION_FAILED"] as const;

export function workerRoutes(ports: Ports) {
  return new Elysia({ name: "workers", prefix: "/api/workers" })
    .use(guarded)
    .use(workerViews(ports))
    .use(workerLives(ports))
    .use(workerLeases(ports))
    .use(workerEnds(ports));
}

function workerViews(ports: Ports) {
  const { fleet } = ports.workerDesk;
  return new Elysia({ name: "worker-views" })
    .use(guarded)
    .get(
      "",
      ({ identity }) => ({
        items: fleet
          .list()
          .filter((known) => isShown(known, identity, ports.nowMs()))
          .map((known) => viewWorker(known, identity))
          .sort((a, b) => (a.worker_id < b.worker_id ? -1 : 1)),
      }),
      {
        scope: "workers",
        detail: documented({
          summary: "List the workers",
          description:
            "The product's own, and those that speak HTTP; of the latter, users see their own. Unhealthy after two heartbeats that did not come, dead after three; shown for an hour after the last one. Costs no query.",
          tag,
          answers: { 200: { description: "All of them, by id.", schema: WorkerList } },
        }),
      },
    )
    .get(
      "/:worker_id",
      ({ identity, params }) => {
        const known = fleet.list().find(({ beat }) => beat.worker_id === params.worker_id);
        if (known === undefined || !isShown(known, identity, ports.nowMs()))
          throw new Fault("NOT_FOUND", "no such worker");
        return viewWorker(known, identity);
      },
      {
        scope: "workers",
        params: WorkerParams,
        detail: documented({
          summary: "Show a worker",
          tag,
          answers: { 200: { description: "The worker.", schema: WorkerAnswer } },
          faults: ["NOT_FOUND", "VALIDATION_FAILED"],
        }),
      },
    );
}

function workerLives(ports: Ports) {
  return new Elysia({ name: "worker-lives" })
    .use(guarded)
    .post(
      "/register",
      async ({ identity, body, set }) => {
        const { isNew, worker } = await registerWorker(ports, identity, body);
        set.status = isNew ? 201 : 200;
        return viewRegistration(worker);
      },
      {
        scope: "workers",
        ...jsonBody(WorkerWish, AUTH_BODY_BYTES_MAX),
        detail: documented({
          summary: "Register a worker that speaks HTTP",
          description:
            "It belongs to whoever registers it. A key with the role operator makes it a worker for everybody's tasks, any other one for its owner's. Registering again begins another life of the worker and takes back what the former one had leased, unless `instance` is the same.",
          tag,
          answers: {
            201: { description: "A new worker.", schema: RegistrationAnswer },
            200: { description: "It was there already.", schema: RegistrationAnswer },
          },
          faults: [...BODY_FAULTS, "WORKER_ID_TAKEN", "LIMIT_REACHED", "BUS_UNAVAILABLE"],
        }),
      },
    )
    .post(
      "/:worker_id/heartbeat",
      async ({ identity, params, body }) =>
        await beatWorker(ports, identity, {
          workerId: params.worker_id,
          session: body.session,
          status: body.status ?? "active",
          currentTasks: body.current_tasks ?? [],
          systemInfo: body.system_info ?? {},
        }),
      {
        scope: "workers",
        params: WorkerParams,
        ...optionalJsonBody(HeartbeatWish, BODY_BYTES_MAX),
        detail: documented({
          summary: "Say that a worker lives",
          description:
            "And learn what it should know. From its first `draining` on it is given nothing more, unless somebody resumes it.",
          tag,
          answers: { 200: { description: "Heard.", schema: HeartbeatAnswer } },
          faults: [...BODY_FAULTS, "NOT_FOUND", "WORKER_REPLACED", "BUS_UNAVAILABLE"],
        }),
      },
    );
}

function viewRegistration(worker: RemoteWorker) {
  return {
    worker_id: worker.workerId,
    session: worker.session,
    status: worker.isDraining ? ("draining" as const) : ("active" as const),
    capabilities: worker.capabilities,
    max_concurrent_tasks: worker.maxConcurrentTasks,
    heartbeat_interval: worker.heartbeatS,
    lease_seconds: LEASE_S,
    serves: worker.servesAll ? ("all" as const) : ("own" as const),
    registered_at: worker.registeredAt.toISOString(),
  };
}

function workerLeases(ports: Ports) {
  return new Elysia({ name: "worker-leases" }).use(guarded).post(
    "/:worker_id/lease",
    async ({ identity, span, params, body, request }) => {
      ports.keepOpen(request);
      return await leaseTasks(ports, identity, {
        workerId: params.worker_id,
        session: body.session,
        tasksMax: body.max_tasks ?? 1,
        waitS: body.wait_seconds ?? 0,
        signal: request.signal,
        span,
      });
    },
    {
      scope: "workers",
      params: WorkerParams,
      ...optionalJsonBody(LeaseWish, AUTH_BODY_BYTES_MAX),
      detail: documented({
        summary: "Lease tasks",
        description:
          "Waits until there is something to do for this worker, at most `wait_seconds`, and gives no more than it has free slots. Each task is this worker's until `lease_expires_at`; progress extends it. It may answer early and empty, when something that the worker runs was cancelled, or it is to drain.",
        tag,
        answers: {
          200: { description: "Tasks to run now, the most urgent first; maybe none.", schema: LeaseAnswer },
        },
        faults: [...BODY_FAULTS, "NOT_FOUND", "WORKER_REPLACED"],
      }),
    },
  );
}

function workerEnds(ports: Ports) {
  const faults = ["NOT_FOUND", "VALIDATION_FAILED"] as const;
  return new Elysia({ name: "worker-ends" })
    .use(guarded)
    .use(steering(ports, "drain"))
    .use(steering(ports, "resume"))
    .delete(
      "/:worker_id",
      async ({ identity, params, set }) => {
        await removeWorker(ports, identity, params.worker_id);
        set.status = 204;
      },
      {
        scope: "workers",
        params: WorkerParams,
        parse: "none",
        detail: documented({
          summary: "Deregister a worker",
          description: "What it still has leased runs elsewhere, and counts as no failure.",
          tag,
          answers: { 204: { description: "It is gone." } },
          faults: [...faults, "BUS_UNAVAILABLE"],
        }),
      },
    );
}

const STEERING = {
  drain: {
    steer: drainWorker,
    summary: "Drain a worker",
    description:
      "Once this is answered nothing new starts on it; what runs is finished. One that speaks HTTP learns so with its next answer; for its owner and for operators. One of the product's own: for operators, and it stays drained when it is started again, until it is resumed.",
    answer: "It is given nothing new.",
  },
  resume: {
    steer: resumeWorker,
    summary: "Let a drained worker work again",
    description:
      "For whoever may drain it. One that speaks HTTP and has left by now is not there any more; a heartbeat that says `draining` drains it again.",
    answer: "It is given tasks.",
  },
} as const;

function steering(ports: Ports, what: keyof typeof STEERING) {
  const { steer, summary, description, answer } = STEERING[what];
  return new Elysia({ name: `worker-${what}` }).use(guarded).post(
    `/:worker_id/${what}`,
    async ({ identity, params, correlationId, set }) => {
      await steer(ports, identity, { workerId: params.worker_id, correlationId });
      set.status = 204;
    },
    {
      scope: "workers",
      params: WorkerParams,
      parse: "none",
      detail: documented({
        ...{ summary, description, tag },
        answers: { 204: { description: answer } },
        faults: ["NOT_FOUND", "VALIDATION_FAILED"],
      }),
    },
  );
}
