import { basicAuthorisation } from "./api/basic-auth.ts";
import type { RequestContext, Sandbox } from "./sandbox.ts";

/** An answer with its body read as JSON. */
export interface Asked<Body> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/** A row of a listing, its fields as the API wrote them. */
export type AskedRow = Readonly<Record<string, unknown>> & {
  readonly messages: readonly Readonly<Record<string, unknown>>[];
};

/** A listing. */
export interface AskedPage {
  readonly count: number;
  readonly result: readonly AskedRow[];
}

/**
 * An authenticated GET in process, for trying a sandbox without a socket.
 * @throws SyntaxError when the body is no JSON.
 */
export function ask<Body = AskedPage>(
  sandbox: Sandbox,
  pathAndQuery: string,
  context?: RequestContext & { readonly user?: string; readonly password?: string },
): Asked<Body> {
  const { user = "sandbox", password = "sandbox" } = context ?? {};
  const headers = { authorization: basicAuthorisation(user, password) };
  const { status, headers: answered, body } = sandbox.handle("GET", pathAndQuery, headers, context);
  const text = typeof body === "string" ? body : [...body].join("");
  return { status, headers: answered, body: JSON.parse(text) as Body };
}
