import { asyncApiDocument } from "./asyncapi.ts";
import { catalogue, claimRecord } from "./catalogue.ts";
import { eventsPage } from "./events-page.ts";
import { jsonSchemaOf } from "./json-schema.ts";

/** The version that the AsyncAPI document bears: the project's. */
export const contractVersion = "0.1.0";

/** Folder of the published schemas, from the root of the checkout. */
export const schemaFolder = "packages/contracts/schema";

/** Every published document by its path from the root of the checkout: schemas, AsyncAPI document, page. */
export function publishedDocuments(): ReadonlyMap<string, string> {
  const schemas = [...catalogue.flatMap(({ records }) => records), claimRecord].map(
    (record) => [`${schemaFolder}/${record.name}.json`, json(jsonSchemaOf(record))] as const,
  );
  return new Map([
    ...schemas,
    [`${schemaFolder}/asyncapi.json`, json(asyncApiDocument(contractVersion))],
    ["docs/events.md", eventsPage()],
  ]);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
