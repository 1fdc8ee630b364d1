import { describe, expect, it } from "vitest";
import { z } from "zod";
import { incompatibilities } from "./compatibility.ts";
import { jsonSchemaOf } from "./json-schema.ts";

const base = {
  id: z.string(),
  kind: z.enum(["a", "b"]),
  note: z.string().nullable(),
  size: z.int().min(1),
  parts: z.array(z.object({ name: z.string() })),
  place: z.object({ x: z.int() }).nullable(),
};
const schemaOf = (shape: z.ZodRawShape) =>
  jsonSchemaOf({ name: "x", summary: "", schema: z.object(shape) });
const after = (changes: z.ZodRawShape) =>
  incompatibilities(schemaOf(base), schemaOf({ ...base, ...changes }));

describe("incompatibilities", () => {
  it("finds none in the same schema, in added fields, in other words", () => {
    expect(after({})).toEqual([]);
    expect(after({ more: z.string(), maybe: z.int().optional() })).toEqual([]);
    expect(after({ parts: z.array(z.object({ name: z.string(), size: z.int() })) })).toEqual([]);
    expect(after({ id: z.string().describe("other words") })).toEqual([]);
  });

  it("finds a removed field, at any depth", () => {
    const { note: _, ...less } = base;
    expect(incompatibilities(schemaOf(base), schemaOf(less))).toEqual([
      "$.note was removed",
      "$.note is not always there any more",
    ]);
    expect(after({ parts: z.array(z.object({ title: z.string() })) })).toEqual([
      "$.parts[].name was removed",
      "$.parts[].name is not always there any more",
    ]);
    expect(after({ place: z.object({ y: z.int() }).nullable() })[0]).toContain("x was removed");
  });

  it.each([
    ["text that becomes a number", { id: z.int() }, "$.id: type"],
    ["a field that may be missing now", { id: z.string().optional() }, "$.id is not always there"],
    ["a field that may be null now", { id: z.string().nullable() }, "$.id"],
    ["null that is not possible any more", { note: z.string() }, "$.note"],
    ["a new value of a closed list", { kind: z.enum(["a", "b", "c"]) }, "$.kind: enum"],
    ["a value that is gone", { kind: z.enum(["a"]) }, "$.kind: enum"],
    ["another bound", { size: z.int().min(0) }, "$.size: minimum"],
    ["a list of something else", { parts: z.array(z.string()) }, "$.parts[]"],
  ])("finds %s", (_what, changes, where) => {
    const found = after(changes);
    expect(found.length).toBeGreaterThan(0);
    expect(found.join("\n")).toContain(where);
  });
});
