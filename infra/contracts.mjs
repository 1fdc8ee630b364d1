// `npm run contracts`: writes the JSON Schemas, the AsyncAPI document and docs/events.md from the types in
// packages/contracts. `-- --release` also keeps the schemas as the released ones that later versions must not break.
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

setUp();
const built = join(root, "packages", "contracts", "dist", "published", "documents.js");
const { contractVersion, publishedDocuments, schemaFolder } = await import(
  pathToFileURL(built).href
);
const documents = [...publishedDocuments()];
const released = process.argv.includes("--release")
  ? documents
      .filter(([path]) => path.startsWith(`${schemaFolder}/`) && basename(path) !== "asyncapi.json")
      .map(([path, text]) => [
        `${schemaFolder}/released/${contractVersion}/${basename(path)}`,
        text,
      ])
  : [];
for (const [path, text] of [...documents, ...released]) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
console.log(`${documents.length + released.length} documents written.`);
