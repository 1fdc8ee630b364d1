import type { z } from "zod";
import { problem } from "./answer-schemas.ts";

const problems = { "application/problem+json": { schema: problem } };
const refusals = {
  400: { description: "A parameter breaks its rule; it is named", content: problems },
  401: { description: "The bearer token is missing or wrong", content: problems },
  414: { description: "The address is too long", content: problems },
  429: { description: "Too many requests a minute", content: problems },
};

/** The responses of a route for its schema: the answer as JSON, as CSV when it can be had, and what it may be refused with. */
export function answersOf(
  description: string,
  answer: z.ZodType,
  { csv = false, missing }: { readonly csv?: boolean; readonly missing?: string } = {},
) {
  const content = {
    "application/json": { schema: answer },
    ...(csv ? { "text/csv": { schema: { type: "string" } } } : {}),
  };
  return {
    200: { description, content },
    ...refusals,
    ...(missing === undefined ? {} : { 404: { description: missing, content: problems } }),
  };
}
