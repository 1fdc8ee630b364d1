import { expect, it } from "vitest";
import { hashId } from "./hash-id.ts";

it("is the beginning of the base32 of sha256", () => {
  // printf abc | sha256sum | xxd -r -p | base32 | tr A-Z a-z | cut -c1-26
  expect(hashId("abc")).toBe("xj4bnp4pahh6uqkbidpf3lrceo");
  expect(hashId("żółć")).toHaveLength(26);
});
