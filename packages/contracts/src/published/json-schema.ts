import { z } from "zod";
import { schemaUri } from "../contract-version.ts";
import type { PublishedRecord } from "./catalogue.ts";

/** A JSON Schema, or a part of one. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly description?: string;
}

/** The published JSON Schema (2020-12) of a record, as it is written. Open: readers pass over fields that they do not know. */
export function jsonSchemaOf({ name, summary, schema, example }: PublishedRecord): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    target: "draft-2020-12",
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties;
      // What JavaScript can count exactly; no rule of the contract.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  }) as JsonSchema;
  return {
    $schema,
    $id: schemaUri(name),
    title: name,
    description: summary,
    ...rest,
    ...(example === undefined ? {} : { examples: [example] }),
  };
}
