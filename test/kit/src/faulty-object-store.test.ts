import type { ObjectBody, ObjectEntry, ObjectStore } from "@thulium-stream/contracts";
import { expect, it } from "vitest";
import { FaultyObjectStore, faultAt, type ObjectStoreFault } from "./faulty-object-store.ts";
import { ManualClock } from "./manual-clock.ts";

const bytes = Uint8Array.of(1);

/** The smallest store that shows what happened. */
function plainStore(): ObjectStore & { readonly keys: Set<string> } {
  const keys = new Set<string>();
  return {
    keys,
    baseUri: "memory:",
    put: async (key: string, _body: ObjectBody) => void keys.add(key),
    putIfAbsent: async (key: string, _body: ObjectBody) => {
      if (keys.has(key)) return "exists";
      keys.add(key);
      return "created";
    },
    copy: async (_from: string, to: string) => {
      keys.add(to);
    },
    get: async (key: string) => (keys.has(key) ? bytes : null),
    async *list(): AsyncIterable<ObjectEntry> {
      for (const key of keys) yield { key, bytes: 1, modifiedAtMs: 0 };
    },
    delete: async (gone: readonly string[]) => {
      for (const key of gone) keys.delete(key);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function faulty(fault: ObjectStoreFault, index = 0) {
  const inner = plainStore();
  const clock = new ManualClock();
  return { inner, clock, store: new FaultyObjectStore(inner, faultAt(index, fault), clock) };
}

it("reject: the call fails and did not happen, the next one works", async () => {
  const { inner, store } = faulty({ kind: "reject" });
  await expect(store.put("a", bytes)).rejects.toMatchObject({ code: "Unavailable" });
  expect(inner.keys).toEqual(new Set());
  await store.put("a", bytes);
  expect(inner.keys).toEqual(new Set(["a"]));
});

it("fail-after: the call fails and did happen (O3)", async () => {
  const { inner, store } = faulty({ kind: "fail-after" });
  await expect(store.putIfAbsent("a", bytes)).rejects.toMatchObject({ code: "Unavailable" });
  expect(inner.keys).toEqual(new Set(["a"]));
  expect(await store.putIfAbsent("a", bytes)).toBe("exists");
});

it("everyLater: nothing happens any more, as after a kill", async () => {
  const { inner, store } = faulty({ kind: "fail-after", everyLater: true }, 1);
  await store.put("a", bytes);
  await expect(store.put("b", bytes)).rejects.toThrow();
  await expect(store.delete(["a"])).rejects.toThrow();
  await expect(store.list("")[Symbol.asyncIterator]().next()).rejects.toThrow();
  expect(inner.keys).toEqual(new Set(["a", "b"]));
  expect(store.calls.map(({ method, keys }) => [method, ...keys])).toEqual([
    ["put", "a"],
    ["put", "b"],
    ["delete", "a"],
    ["list", ""],
  ]);
});

it("hold: happens only when released; hold-answer: happened before the answer", async () => {
  for (const kind of ["hold", "hold-answer"] as const) {
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { inner, store } = faulty({ kind, until });
    const order: string[] = [];
    const put = store.put("a", bytes).then(() => order.push("answered"));
    expect(await store.get("b")).toBeNull();
    expect(inner.keys.has("a")).toBe(kind === "hold-answer");
    order.push("released");
    release();
    await put;
    expect(inner.keys.has("a")).toBe(true);
    expect(order).toEqual(["released", "answered"]);
  }
});

it("slow: happens after the given time of the clock", async () => {
  const { inner, clock, store } = faulty({ kind: "slow", ms: 5_000 });
  const put = store.put("a", bytes);
  await clock.advance(4_999);
  expect(inner.keys.has("a")).toBe(false);
  await clock.advance(1);
  await put;
  expect(inner.keys.has("a")).toBe(true);
});
