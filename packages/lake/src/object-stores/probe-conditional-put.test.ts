import type { ObjectStore } from "@thulium-stream/contracts";
import { expect, it } from "vitest";
import { createMemoryStore, type MemoryObjects } from "./memory/memory-store.ts";
import { probeConditionalPut } from "./probe-conditional-put.ts";

it("accepts a store with conditional puts and leaves nothing behind", async () => {
  const objects: MemoryObjects = new Map();
  await probeConditionalPut(createMemoryStore({ objects }), () => "x");
  expect([...objects.keys()]).toEqual([]);
});

it.each<"created" | "exists">(["created", "exists"])(
  "refuses a store that overwrites and says %s, with advice, and leaves nothing behind",
  async (said) => {
    const objects: MemoryObjects = new Map();
    const memory = createMemoryStore({ objects });
    const careless: ObjectStore = {
      baseUri: memory.baseUri,
      put: (key, body) => memory.put(key, body),
      putIfAbsent: async (key, body) => {
        await memory.put(key, body);
        return said;
      },
      get: (key) => memory.get(key),
      copy: (from, to) => memory.copy(from, to),
      list: (prefix) => memory.list(prefix),
      delete: (keys) => memory.delete(keys),
      [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose](),
    };
    await expect(probeConditionalPut(careless, () => "x")).rejects.toMatchObject({
      code: "InvalidSettings",
      advice: expect.stringContaining("conditional writes"),
    });
    expect([...objects.keys()]).toEqual([]);
  },
);
