export * from "./fire-due.ts";
export * from "./keep-schedules.ts";
export * from "./plan-firing.ts";
export {
  cadenceOf,
  type Rhythm,
  type ScheduleRecord,
  type ScheduleWish,
  type TaskTemplate,
} from "./schedule-record.ts";
