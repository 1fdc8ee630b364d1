import { encodeQuery, type QueryValue } from "@thulium-stream/thulium-api/pure";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PhpArray, type PhpValue, parsePhpQuery } from "./php-query-parser.ts";

/** As `print_r` would show it: arrays as objects, in order. */
function shown(value: PhpValue): unknown {
  if (!(value instanceof PhpArray)) return value;
  return Object.fromEntries([...value.entries].map(([key, held]) => [key, shown(held)]));
}

function parsed(query: string): unknown {
  return Object.fromEntries([...parsePhpQuery(query)].map(([name, held]) => [name, shown(held)]));
}

describe("parsePhpQuery follows PHP (thulium-api.md §2)", () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["the last of a repeated scalar wins", "a=1&a=2", { a: "2" }],
    ["empty brackets append", "a[]=1&a[]=2", { a: { 0: "1", 1: "2" } }],
    ["indices make a list", "a[0]=1&a[1]=2", { a: { 0: "1", 1: "2" } }],
    ["empty brackets go on after the largest index", "a[5]=1&a[]=2", { a: { 5: "1", 6: "2" } }],
    ["01 is a text key", "a[01]=1&a[]=2", { a: { "01": "1", 0: "2" } }],
    ["a scalar replaces a list", "a[]=1&a=2", { a: "2" }],
    ["a list replaces a scalar", "a=2&a[]=1", { a: { 0: "1" } }],
    ["the last of a repeated key wins", "a[k]=1&a[k]=2", { a: { k: "2" } }],
    ["brackets nest", "a[x][]=1&a[x][]=2&a[y]=3", { a: { x: { 0: "1", 1: "2" }, y: "3" } }],
    [
      "spaces and dots inside brackets stay",
      "a[Nr%20zam.%20v2.0]=1",
      { a: { "Nr zam. v2.0": "1" } },
    ],
    ["UTF-8 inside brackets stays", "a[za%C5%BC%C3%B3%C5%82%C4%87]=1", { a: { zażółć: "1" } }],
    ["escaped brackets are brackets", "a%5Bk%5D=1", { a: { k: "1" } }],
    ["a dot in a name becomes _", "custom_fields.ID=1", { custom_fields_ID: "1" }],
    ["an unclosed bracket becomes _", "custom_fields[ID=1", { custom_fields_ID: "1" }],
    ["a later unclosed bracket is dropped", "a[b][c=1", { a: { b: "1" } }],
    ["a name is cut at its first ]", "a[b]c]=1", { a: { b: "1" } }],
    ["an inner ] cuts the name", "a[x%5Dy]=1", { a: { x: "1" } }],
    [
      "an unescaped + is a space",
      "d=2014-07-04T10:00:00+02:00",
      { d: "2014-07-04T10:00:00 02:00" },
    ],
    ["an escaped + stays", "d=%2B02:00", { d: "+02:00" }],
    ["leading spaces of a name go, others become _", "%20a%20b=1", { a_b: "1" }],
    ["a pair without = is empty", "a&b=", { a: "", b: "" }],
    ["a nameless pair is nothing", "=1&[x]=2&&", {}],
    ["a lone percent stays", "a=100%&b=%zz", { a: "100%", b: "%zz" }],
    ["a blank in brackets appends", "a[%20]=1&a[]=2", { a: { 0: "1", 1: "2" } }],
  ];
  it.each(cases)("%s: %s", (_rule, query, expected) => {
    expect(parsed(query)).toEqual(expected);
  });

  it("drops what comes after 1,000 pairs", () => {
    const query = Array.from({ length: 1200 }, (_, i) => `a[]=${i}`).join("&");
    expect(Object.keys((parsed(query) as { a: object }).a)).toHaveLength(1000);
  });

  it("reads back whatever the client's encoder writes", () => {
    const key = fc
      .string({ minLength: 1, unit: "grapheme" })
      .filter((text) => !/[[\]\0]|^\s*$/.test(text));
    const name = key.filter((text) => !/[ .]/.test(text));
    const scalar = fc.string({ unit: "grapheme" });
    const value: fc.Arbitrary<QueryValue> = fc.letrec<{ value: QueryValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        scalar,
        fc.array(tie("value"), { minLength: 1, maxLength: 4 }),
        fc.dictionary(key, tie("value"), { minKeys: 1, maxKeys: 4 }),
      ),
    })).value;
    const asShown = (held: QueryValue): unknown => {
      if (typeof held !== "object") return String(held);
      return Object.fromEntries(
        Object.entries(held).map(([k, inner]) => [k, asShown(inner as QueryValue)]),
      );
    };
    fc.assert(
      fc.property(fc.dictionary(name, value, { maxKeys: 4 }), (params) => {
        expect(parsed(encodeQuery(params))).toEqual(asShown(params));
      }),
      { numRuns: 500 },
    );
  });
});
