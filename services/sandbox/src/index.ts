export { basicAuthorisation } from "./api/basic-auth.ts";
export { PhpArray, type PhpValue, parsePhpQuery } from "./api/php-query-parser.ts";
export type { SandboxResponse } from "./api/response.ts";
export {
  parseSwitches,
  type Switches,
  type SwitchInfo,
  type SwitchName,
  type SwitchSettings,
  switchTable,
} from "./api/switches.ts";
export { type Asked, type AskedPage, type AskedRow, ask } from "./ask.ts";
export type { Mutation, MutationResult } from "./mutation.ts";
export type { TruthEntry } from "./population/truth-log.ts";
export {
  createSandbox,
  type RequestContext,
  type Sandbox,
  type SandboxOptions,
} from "./sandbox.ts";
export { type SandboxServer, type ServeOptions, serveSandbox } from "./serve-sandbox.ts";
export type { Truth, TruthSummary } from "./truth.ts";
