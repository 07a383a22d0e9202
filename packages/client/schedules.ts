import { ApiError } from "./errors.ts";
import type {
  Schedule,
  ScheduleDetail,
  SchedulePage,
  SchedulePatch,
  ScheduleRequest,
} from "./schedule-types.ts";
import { expectShape, isObject } from "./shapes.ts";
import { makeTaskId } from "./task-id.ts";
import type { CallOptions, Transport } from "./transport.ts";

const PATH = "/api/schedules";

/** Tasks that are made again and again. */
export class SchedulesClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** By id. */
  async list(
    page: { readonly limit?: number; readonly cursor?: string } = {},
    options: CallOptions = {},
  ): Promise<SchedulePage> {
    const call = { method: "GET", path: PATH, query: { ...page }, isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isPage);
  }

  /** @throws ApiError NOT_FOUND */
  async get(scheduleId: string, options: CallOptions = {}): Promise<ScheduleDetail> {
    const call = { method: "GET", path: pathOf(scheduleId), isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isDetail);
  }

  /**
   * Makes a schedule; the very same one again is answered with what is there.
   * @throws ApiError SCHEDULE_ID_CONFLICT, VALIDATION_FAILED, LIMIT_REACHED
   */
  async create(request: ScheduleRequest, options: CallOptions = {}): Promise<Schedule> {
    const body = {
      ...request,
      schedule_id: request.schedule_id ?? makeTaskId(this.#transport.clock.nowMs()),
    };
    const call = { method: "POST", path: PATH, body, isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isSchedule);
  }

  /** What the patch does not name stays. @throws ApiError NOT_FOUND, VALIDATION_FAILED */
  async change(scheduleId: string, patch: SchedulePatch, options: CallOptions = {}): Promise<Schedule> {
    const path = pathOf(scheduleId);
    const call = { method: "PATCH", path, body: patch, isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isSchedule);
  }

  pause(scheduleId: string, options: CallOptions = {}): Promise<Schedule> {
    return this.change(scheduleId, { paused: true }, options);
  }

  /** Ticks that passed meanwhile are not missed. */
  resume(scheduleId: string, options: CallOptions = {}): Promise<Schedule> {
    return this.change(scheduleId, { paused: false }, options);
  }

  /** Makes one task now, and answers with its id. Not repeated when its answer is lost: it would run twice. */
  async trigger(scheduleId: string, options: CallOptions = {}): Promise<string> {
    const path = `${pathOf(scheduleId)}/trigger`;
    const call = { method: "POST", path, isRepeatable: false, ...options } as const;
    return expectShape(await this.#transport.call(call), isTriggered).task_id;
  }

  /** The tasks that it made stay. @throws ApiError NOT_FOUND */
  async remove(scheduleId: string, options: CallOptions = {}): Promise<void> {
    try {
      const call = { method: "DELETE", path: pathOf(scheduleId), isRepeatable: true, ...options } as const;
      await this.#transport.call(call);
    } catch (error) {
      // It is gone because a try whose answer was lost has deleted it.
      if (!(error instanceof ApiError && error.code === "NOT_FOUND" && error.mayHaveHappened)) throw error;
    }
  }
}

function pathOf(scheduleId: string): string {
  return `${PATH}/${encodeURIComponent(scheduleId)}`;
}

function isSchedule(value: unknown): value is Schedule {
  return isObject(value) && typeof value.schedule_id === "string" && Array.isArray(value.next_runs);
}

function isDetail(value: unknown): value is ScheduleDetail {
  return isSchedule(value) && "runs" in value && Array.isArray(value.runs);
}

function isPage(value: unknown): value is SchedulePage {
  return isObject(value) && Array.isArray(value.items);
}

function isTriggered(value: unknown): value is { readonly task_id: string } {
  return isObject(value) && typeof value.task_id === "string";
}
