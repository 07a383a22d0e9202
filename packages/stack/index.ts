export { SERVICES, type Service } from "./services.ts";
export { type UpInput, up } from "./up.ts";
