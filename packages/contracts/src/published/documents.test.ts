import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "@asyncapi/parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { eventTypesOf } from "../events.ts";
import { recordOfEvent } from "../record-codec.ts";
import { topics } from "../topics.ts";
import { catalogue, claimRecord, eventHeaders } from "./catalogue.ts";
import { incompatibilities } from "./compatibility.ts";
import { publishedDocuments, schemaFolder } from "./documents.ts";
import { exampleEvents } from "./examples.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";

const root = join(import.meta.dirname, "..", "..", "..", "..");
const records = [...catalogue.flatMap((topic) => topic.records), claimRecord];
const documents = publishedDocuments();
const released = join(root, schemaFolder, "released");

describe("published documents", () => {
  it.each([...documents.keys()])("%s is what `npm run contracts` writes", (path) => {
    const file = join(root, path);
    expect(existsSync(file), `${path} is missing: npm run contracts`).toBe(true);
    expect(readFileSync(file, "utf8")).toBe(documents.get(path));
  });

  it("have a schema for every topic and every type of event, and no other file", () => {
    expect(catalogue.map(({ topic }) => topic)).toEqual(topics.map(({ topic }) => topic));
    expect(exampleEvents.map(({ type }) => type)).toEqual(eventTypesOf());
    const files = readdirSync(join(root, schemaFolder)).filter((name) => name.endsWith(".json"));
    expect(files.sort()).toEqual(
      [...records.map(({ name }) => `${name}.json`), "asyncapi.json"].sort(),
    );
  });

  it("have an AsyncAPI document that its own parser accepts, with the payloads resolved", {
    timeout: 60_000,
  }, async () => {
    const path = `${schemaFolder}/asyncapi.json`;
    const { document, diagnostics } = await new Parser().parse(documents.get(path) ?? "", {
      source: join(root, path),
    });
    // Severity 0 is an error, 1 a warning; the hint that 3.1 exists is 2.
    expect(diagnostics.filter(({ severity }) => severity < 2)).toEqual([]);
    const payload = document
      ?.channels()
      .get("ticket-events")
      ?.messages()
      .get("ticket.updated")
      ?.payload();
    expect(payload?.property("changes")?.type()).toBe("array");
  });

  it("have examples that are valid by their own schema, and by what TypeScript reads", () => {
    for (const record of records) {
      if (record.example === undefined) continue;
      expect(faultsOf(jsonSchemaOf(record), record.example)).toEqual([]);
      expect(record.schema.parse(record.example)).toEqual(record.example);
    }
  });

  it("tell every header that an event is written with, in its order", () => {
    const [event] = exampleEvents.filter((each) => "kinds" in each);
    const written = Object.keys(
      recordOfEvent(event ?? (exampleEvents[0] as never), 1).headers ?? {},
    );
    expect(eventHeaders.map(({ name }) => name).sort()).toEqual(written.sort());
  });
});

describe("compatibility with released versions", () => {
  const versions = readdirSync(released);

  it("is looked at: there is a released version", () => {
    expect(versions.length).toBeGreaterThan(0);
  });

  it.each(versions)("%s: nothing that it promised is removed or retyped", (version) => {
    const broken = schemasOf(version).flatMap(([name, before]) => {
      const record = records.find((each) => each.name === name);
      if (record === undefined) return [`${name} is gone`];
      return incompatibilities(before, jsonSchemaOf(record)).map((line) => `${name} ${line}`);
    });
    expect(broken).toEqual([]);
  });

  it.each(versions)(
    "%s: its readers accept what is written now, and its records are read now",
    (version) => {
      for (const [name, before] of schemasOf(version)) {
        const record = records.find((each) => each.name === name);
        if (record?.example !== undefined) expect(faultsOf(before, record.example)).toEqual([]);
        for (const example of (before["examples"] ?? []) as unknown[])
          expect(record?.schema.safeParse(example).error).toBeUndefined();
      }
    },
  );

  function schemasOf(version: string): [name: string, schema: JsonSchema][] {
    return readdirSync(join(released, version)).map((file) => [
      file.replace(/\.json$/, ""),
      JSON.parse(readFileSync(join(released, version, file), "utf8")),
    ]);
  }
});

function faultsOf(schema: JsonSchema, value: unknown): unknown[] {
  const validate = new Ajv2020({ strict: false }).compile(schema);
  return validate(value) ? [] : (validate.errors ?? []);
}
