import type { JsonSchema } from "./json-schema.ts";

/** Keywords that explain and do not rule. */
const prose = new Set(["$schema", "$id", "title", "description", "examples", "default"]);

/**
 * How a record's schema breaks those who read it by an earlier one of the same major; one line each, none when it
 * does not. A schema may gain properties, and always write what it wrote sometimes; everything else stays: a
 * property that is gone or no longer always there, another type, another value, another bound are breaks.
 */
export function incompatibilities(before: JsonSchema, after: JsonSchema, at = "$"): string[] {
  const keywords = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keywords]
    .filter((keyword) => !prose.has(keyword))
    .flatMap((keyword) => compare(keyword, before[keyword], after[keyword], at));
}

function compare(keyword: string, before: unknown, after: unknown, at: string): string[] {
  if (keyword === "properties") return compareProperties(before, after, at);
  if (keyword === "required") {
    const kept = new Set(names(after));
    return names(before)
      .filter((name) => !kept.has(name))
      .map((name) => `${at}.${name} is not always there any more`);
  }
  if (isSchema(before) && isSchema(after))
    return incompatibilities(before, after, keyword === "items" ? `${at}[]` : `${at}(${keyword})`);
  if (areSchemas(before) && areSchemas(after) && before.length === after.length)
    return before.flatMap((each, index) =>
      incompatibilities(each, after[index] as JsonSchema, `${at}(${keyword} ${index})`),
    );
  return JSON.stringify(before) === JSON.stringify(after)
    ? []
    : [`${at}: ${keyword} was ${JSON.stringify(before)}, is ${JSON.stringify(after)}`];
}

function compareProperties(before: unknown, after: unknown, at: string): string[] {
  const now = (after ?? {}) as Record<string, JsonSchema>;
  return Object.entries((before ?? {}) as Record<string, JsonSchema>).flatMap(([name, schema]) => {
    const counterpart = now[name];
    return counterpart === undefined
      ? [`${at}.${name} was removed`]
      : incompatibilities(schema, counterpart, `${at}.${name}`);
  });
}

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function areSchemas(value: unknown): value is JsonSchema[] {
  return Array.isArray(value) && value.length > 0 && value.every(isSchema);
}
