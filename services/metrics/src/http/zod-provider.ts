import { badParameter } from "@thulium-stream/runtime";
import type { FastifyInstance, FastifySchema, FastifyTypeProvider } from "fastify";
import { z } from "zod";

/** Lets a route's handler see the types of its zod schemas. */
export interface ZodProvider extends FastifyTypeProvider {
  validator: this["schema"] extends z.ZodType ? z.output<this["schema"]> : unknown;
  serializer: this["schema"] extends z.ZodType ? z.input<this["schema"]> : unknown;
}

/** An app whose routes declare zod schemas. */
export type ZodApp = ReturnType<typeof withZod>;

/** Checks requests by the zod schemas of their routes. Answers are written as they are: tests hold them against the same schemas. */
export function withZod(app: FastifyInstance) {
  app.setValidatorCompiler(({ schema }) => (data: unknown) => {
    const parsed = (schema as z.ZodType).safeParse(data);
    return parsed.success ? { value: parsed.data } : { error: problemOf(parsed.error) };
  });
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  return app.withTypeProvider<ZodProvider>();
}

/** The first broken rule. A parameter that is not known is refused, since a misspelt filter would answer another question. */
function problemOf({ issues: [issue] }: z.ZodError): Error {
  if (issue?.code === "unrecognized_keys")
    return badParameter(issue.keys.join(", "), "is no parameter of this request");
  return badParameter(
    issue?.path.join(".") || "query",
    (issue?.message ?? "is not valid").slice(0, 300),
  );
}

/** A route's zod schemas as JSON Schema of OpenAPI 3.1: what @fastify/swagger builds the document from. */
export function jsonSchemasOf(schema: FastifySchema): FastifySchema {
  const { querystring, params, body, response, ...rest } = schema;
  return {
    ...rest,
    ...(querystring === undefined ? {} : { querystring: jsonSchemaOf(querystring, "input") }),
    ...(params === undefined ? {} : { params: jsonSchemaOf(params, "input") }),
    ...(body === undefined ? {} : { body: jsonSchemaOf(body, "input") }),
    ...(response === undefined ? {} : { response: responsesOf(response) }),
  };
}

type Content = Readonly<Record<string, { readonly schema: unknown }>>;

function responsesOf(response: unknown): object {
  const entries = Object.entries(response as Record<string, unknown>);
  return Object.fromEntries(
    entries.map(([status, answer]) => {
      const { description, content } = answer as { description: string; content: Content };
      const types = Object.entries(content).map(([type, { schema }]) => [
        type,
        { schema: jsonSchemaOf(schema, "output") },
      ]);
      return [status, { description, content: Object.fromEntries(types) }];
    }),
  );
}

function jsonSchemaOf(schema: unknown, io: "input" | "output"): object {
  if (!(schema instanceof z.ZodType)) return schema as object;
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return json;
}
