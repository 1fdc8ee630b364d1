import { isFailure } from "@thulium-stream/contracts";
import type { SandboxResponse } from "./api/response.ts";
import type { SwitchSettings } from "./api/switches.ts";
import type { Mutation } from "./mutation.ts";
import type { Sandbox } from "./sandbox.ts";
import { summaryOf } from "./truth.ts";

/** A request outside `/api`. */
export interface ControlRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
}

const json = { "content-type": "application/json; charset=utf-8" };
const lines = { "content-type": "application/x-ndjson; charset=utf-8" };

/**
 * The sandbox's own paths, which no Thulium has:
 * `GET /__truth/summary`, `/__truth/tickets` (NDJSON), `/__truth/log?since=<seq>` (NDJSON);
 * `POST /__sandbox/freeze`, `/thaw`, `/advance` `{"ms": 60000}`, `/mutate` (a Mutation or a list), `/switches` (an object).
 * null for any other path; a fault in what was sent is a 400 with `{"error"}`.
 */
export function answerControl(sandbox: Sandbox, request: ControlRequest): SandboxResponse | null {
  try {
    return request.method === "GET" ? answerTruth(sandbox, request) : command(sandbox, request);
  } catch (error) {
    if (!isFailure(error) && !(error instanceof SyntaxError)) throw error;
    const body = JSON.stringify({ error: error.message });
    return { status: 400, headers: json, body };
  }
}

function answerTruth(sandbox: Sandbox, { path, query }: ControlRequest): SandboxResponse | null {
  const truth = sandbox.truth();
  if (path === "/__truth/summary") return ok({ ...summaryOf(truth), frozen: sandbox.frozen });
  if (path === "/__truth/tickets") {
    return { status: 200, headers: lines, body: linesOf(truth.rows(), 50) };
  }
  if (path === "/__truth/log") {
    const since = Number(new URLSearchParams(query).get("since") ?? 0);
    return { status: 200, headers: lines, body: linesOf(truth.log(since || 0), 1000) };
  }
  return null;
}

function command(sandbox: Sandbox, { method, path, body }: ControlRequest): SandboxResponse | null {
  if (method !== "POST") return null;
  const sent: unknown = body.trim() === "" ? {} : JSON.parse(body);
  switch (path) {
    case "/__sandbox/freeze":
      sandbox.freeze();
      break;
    case "/__sandbox/thaw":
      sandbox.thaw();
      break;
    case "/__sandbox/advance":
      sandbox.advance(Math.max(0, Number((sent as { ms?: unknown }).ms ?? 0) || 0));
      break;
    case "/__sandbox/switches":
      sandbox.setSwitches(sent as SwitchSettings);
      break;
    case "/__sandbox/mutate":
      return ok(
        Array.isArray(sent)
          ? sent.map((one) => sandbox.mutate(one as Mutation))
          : sandbox.mutate(sent as Mutation),
      );
    default:
      return null;
  }
  return ok({ ...summaryOf(sandbox.truth()), frozen: sandbox.frozen });
}

function ok(value: unknown): SandboxResponse {
  return { status: 200, headers: json, body: JSON.stringify(value) };
}

/** NDJSON in pieces of so many lines. */
function* linesOf(values: Iterable<unknown>, perPiece: number): Generator<string> {
  let piece = "";
  let count = 0;
  for (const value of values) {
    piece += `${JSON.stringify(value)}\n`;
    if (++count % perPiece > 0) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}
