import type { ObjectEntry, ObjectStore } from "@thulium-stream/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** A fresh, empty place for objects that can be opened more than once, as separate processes would. */
export interface ObjectPlace {
  open(): Promise<ObjectStore>;
  /** Writes a local file of these bytes and returns its path. */
  fileOf(bytes: Uint8Array): Promise<string>;
  dispose?(): Promise<void>;
}

/** How {@link objectStoreConformance} runs. */
export interface ObjectStoreConformance {
  readonly name: string;
  /** Called before each test. */
  readonly makePlace: () => Promise<ObjectPlace>;
  /** Writers that race for one key. Default 16. */
  readonly racers?: number;
  /** Keys that they race for. Default 20. */
  readonly rounds?: number;
}

/** The rules O1–O8 as tests; every adapter of the ObjectStore port runs them. */
export function objectStoreConformance(suite: ObjectStoreConformance): void {
  describe(`${suite.name} keeps the rules of the ObjectStore port`, () => {
    let place: ObjectPlace;
    let store: ObjectStore;

    beforeEach(async () => {
      place = await suite.makePlace();
      store = await place.open();
    });

    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      await place.dispose?.();
    });

    visibility(suite, () => ({ place, store }));
    conditionalPuts(suite, () => ({ place, store }));
    listings(() => ({ place, store }));
    copies(() => ({ place, store }));
    deletes(() => ({ place, store }));
    keysAndLife(() => ({ place, store }));
  });
}

type Opened = () => { readonly place: ObjectPlace; readonly store: ObjectStore };

function visibility({ rounds = 20 }: ObjectStoreConformance, opened: Opened): void {
  it("O1: a reader beside a writer sees an old or a new object entire, never a part or none", async () => {
    const { place, store } = opened();
    await using writer = await place.open();
    const sizes = new Set<number>();
    await store.put("a/object", filled(1, 300_000));
    let writing = true;
    const reading = (async () => {
      while (writing) {
        const seen = await store.get("a/object");
        expect(seen).not.toBeNull();
        expect(new Set(seen).size, "bytes of two writes in one object").toBe(1);
        sizes.add(seen?.byteLength ?? -1);
        for (const { bytes } of await all(store, "a/")) sizes.add(bytes);
      }
    })();
    for (let round = 0; round < rounds; round += 1) {
      await writer.put("a/object", filled(round, round % 2 === 0 ? 200_000 : 300_000));
    }
    writing = false;
    await reading;
    expect([...sizes].filter((bytes) => bytes !== 200_000 && bytes !== 300_000)).toEqual([]);
  });

  it("O4: what a resolved put wrote is read at once, byte by byte, by every store on the place", async () => {
    const { place, store } = opened();
    await using other = await place.open();
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256);
    await store.put("deep/er/ob ject=ż😀+&%.bin", bytes);
    expectBytes(await other.get("deep/er/ob ject=ż😀+&%.bin"), bytes);
    await other.put("deep/er/ob ject=ż😀+&%.bin", text("replaced"));
    expect(asText(await store.get("deep/er/ob ject=ż😀+&%.bin"))).toBe("replaced");
  });

  it("stores empty objects and bodies from files, which stay as they were", async () => {
    const { place, store } = opened();
    await store.put("empty", new Uint8Array());
    expectBytes(await store.get("empty"), new Uint8Array());
    const bytes = filled(9, 123_456);
    const file = await place.fileOf(bytes);
    await store.put("from-file", { file });
    expect(await store.putIfAbsent("from-file-too", { file })).toBe("created");
    expect(await store.putIfAbsent("from-file-too", { file })).toBe("exists");
    await store.put("from-file", text("replaced"));
    expectBytes(await store.get("from-file-too"), bytes);
    await store.put("again", { file });
    expectBytes(await store.get("again"), bytes);
  });

  it("a local file that is not there is Rejected and stores nothing", async () => {
    const { store } = opened();
    const body = { file: "/nowhere/at/all" };
    await expect(store.put("a", body)).rejects.toMatchObject({ code: "Rejected" });
    await expect(store.putIfAbsent("a", body)).rejects.toMatchObject({ code: "Rejected" });
    expect(await store.get("a")).toBeNull();
  });

  it("get of an absent key is null, also below an object and above one", async () => {
    const { store } = opened();
    await store.put("a/b", text("x"));
    expect(await store.get("a")).toBeNull();
    expect(await store.get("a/b/c")).toBeNull();
    expect(await store.get("none")).toBeNull();
  });
}

function conditionalPuts(
  { racers = 16, rounds = 20 }: ObjectStoreConformance,
  opened: Opened,
): void {
  it("O2: putIfAbsent on an existing key changes nothing and says so", async () => {
    const { store } = opened();
    expect(await store.putIfAbsent("meta/v1.json", text("first"))).toBe("created");
    expect(await store.putIfAbsent("meta/v1.json", text("second"))).toBe("exists");
    expect(asText(await store.get("meta/v1.json"))).toBe("first");
    expect((await all(store, "meta/")).map(({ bytes }) => bytes)).toEqual([5]);
  });

  it(`O2: of ${racers} racing writers exactly one wins, ${rounds} times, and its bytes are what is there`, async () => {
    const { place } = opened();
    const writers = await Promise.all(Array.from({ length: racers }, () => place.open()));
    for (let round = 0; round < rounds; round += 1) {
      const key = `race/v${round}.metadata.json`;
      const outcomes = await Promise.all(
        writers.map((writer, index) => writer.putIfAbsent(key, filled(index, 2_000 + index))),
      );
      const winners = outcomes.flatMap((outcome, index) => (outcome === "created" ? index : []));
      expect(winners, `winners of ${key}`).toHaveLength(1);
      const winner = winners[0] ?? -1;
      expectBytes(await writers[0]?.get(key), filled(winner, 2_000 + winner));
    }
    for (const writer of writers) await writer[Symbol.asyncDispose]();
  });

  it("O2: a deleted key can be created again", async () => {
    const { store } = opened();
    await store.putIfAbsent("a/b", text("1"));
    await store.delete(["a/b"]);
    expect(await store.putIfAbsent("a/b", text("2"))).toBe("created");
    expect(asText(await store.get("a/b"))).toBe("2");
  });
}

function listings(opened: Opened): void {
  it("O5: keys list in byte order under a prefix, with their sizes", async () => {
    const { store } = opened();
    // Byte order: - (2d) . (2e) / (2f) 0 A a ż (c5) U+FFFD (ef) 😀 (f0); UTF-16 order has 😀 (d83d) before U+FFFD.
    const keys = [
      "p/a",
      "p/a-b",
      "p/a.b",
      "p/a/b",
      "p/a0",
      "p/A",
      "p/ż",
      "p/\ufffd",
      "p/😀",
      "p2/x",
    ];
    // A file system cannot hold "p/a" and "p/a/b" both.
    const storable = keys.filter((key) => key !== "p/a");
    for (const [index, key] of storable.entries()) await store.put(key, filled(1, index));
    const entries = await all(store, "p/");
    expect(entries.map(({ key }) => key)).toEqual([
      "p/A",
      "p/a-b",
      "p/a.b",
      "p/a/b",
      "p/a0",
      "p/ż",
      "p/\ufffd",
      "p/😀",
    ]);
    for (const { key, bytes } of entries) expect(bytes, key).toBe(storable.indexOf(key));
  });

  it("O5: a prefix need not end at a slash; the empty one lists everything; a foreign one nothing", async () => {
    const { store } = opened();
    for (const key of ["t/v1.json", "t/v10.json", "t/v2.json", "u"])
      await store.put(key, text(key));
    expect((await all(store, "t/v1")).map(({ key }) => key)).toEqual(["t/v1.json", "t/v10.json"]);
    expect((await all(store, "")).map(({ key }) => key)).toEqual([
      "t/v1.json",
      "t/v10.json",
      "t/v2.json",
      "u",
    ]);
    expect(await all(store, "t/v1.json/")).toEqual([]);
    expect(await all(store, "none/")).toEqual([]);
  });

  it("a listing can be left early and started again", async () => {
    const { store } = opened();
    for (const key of ["l/1", "l/2", "l/3"]) await store.put(key, text(key));
    for await (const { key } of store.list("l/")) {
      expect(key).toBe("l/1");
      break;
    }
    expect(await all(store, "l/")).toHaveLength(3);
  });
}

function copies(opened: Opened): void {
  it("O8: every opener of a place gives it the same absolute address, without a slash at its end", async () => {
    const { place, store } = opened();
    await using other = await place.open();
    expect(store.baseUri).toMatch(/^[a-z0-9]+:\/.*[^/]$|^memory:$/);
    expect(other.baseUri).toBe(store.baseUri);
  });

  it("O7: a copy has the same bytes, is read at once by every store, and replaces what was there", async () => {
    const { place, store } = opened();
    await using other = await place.open();
    const bytes = filled(7, 300_000);
    await store.put("from/ob ject=ż😀+&%.bin", bytes);
    await store.put("to/there", text("old"));
    await store.copy("from/ob ject=ż😀+&%.bin", "to/there");
    await other.copy("from/ob ject=ż😀+&%.bin", "to/new=a+b/ż%20");
    expectBytes(await other.get("to/there"), bytes);
    expectBytes(await store.get("to/new=a+b/ż%20"), bytes);
    expect((await all(store, "to/")).map(({ bytes: size }) => size)).toEqual([300_000, 300_000]);
  });

  it("O7: what happens to the source or the copy later does not reach the other", async () => {
    const { store } = opened();
    await store.put("a", text("first"));
    await store.copy("a", "b");
    await store.copy("b", "a");
    await store.put("a", text("second"));
    expect(asText(await store.get("b"))).toBe("first");
    await store.copy("a", "c");
    await store.delete(["a"]);
    expect(asText(await store.get("c"))).toBe("second");
    await store.put("b", text("third"));
    expect(asText(await store.get("c"))).toBe("second");
  });

  it("O7: a copy of what is not there is Rejected and changes nothing", async () => {
    const { store } = opened();
    await store.put("d/e", text("x"));
    for (const from of ["none", "d", "d/e/f"])
      await expect(store.copy(from, "d/e"), from).rejects.toMatchObject({ code: "Rejected" });
    expect(asText(await store.get("d/e"))).toBe("x");
    expect((await all(store, "")).map(({ key }) => key)).toEqual(["d/e"]);
  });
}

function deletes(opened: Opened): void {
  it("O6: deleting keys that are not there is no error, and the others go", async () => {
    const { store } = opened();
    await store.put("d/1", text("1"));
    await store.put("d/2", text("2"));
    await store.delete(["d/1", "d/none", "none", "d", "d/2/below"]);
    await store.delete([]);
    expect((await all(store, "d/")).map(({ key }) => key)).toEqual(["d/2"]);
    expect(await store.get("d/1")).toBeNull();
  });

  it("puts beside deletes in one folder all succeed", async () => {
    const { place, store } = opened();
    await using other = await place.open();
    const rounds = Array.from({ length: 60 }, (_, index) => index);
    await Promise.all(
      rounds.map(async (index) => {
        const key = `same/folder/${index % 3}/${index}`;
        await store.put(key, text("x"));
        await other.delete([key]);
      }),
    );
    expect(await all(store, "same/")).toEqual([]);
  });
}

function keysAndLife(opened: Opened): void {
  it.each([
    "",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/../b",
    "a/./b",
    "a\\b",
    "a\u0000b",
    "a\nb",
    "\ud800",
  ])("the key %j is refused by every operation", async (key) => {
    const { store } = opened();
    const refused = { code: "InvalidSettings" };
    await expect(store.put(key, text("x"))).rejects.toMatchObject(refused);
    await expect(store.putIfAbsent(key, text("x"))).rejects.toMatchObject(refused);
    await expect(store.get(key)).rejects.toMatchObject(refused);
    await expect(store.copy(key, "x")).rejects.toMatchObject(refused);
    await expect(store.copy("x", key)).rejects.toMatchObject(refused);
    await expect(store.delete([key])).rejects.toMatchObject(refused);
  });

  it("a prefix with .. is refused", async () => {
    const { store } = opened();
    await expect(all(store, "../")).rejects.toMatchObject({ code: "InvalidSettings" });
  });

  it("after dispose every call fails with Closed; disposing twice is no error", async () => {
    const { place } = opened();
    const store = await place.open();
    await store.put("a", text("x"));
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    const closed = { code: "Closed" };
    await expect(store.put("a", text("y"))).rejects.toMatchObject(closed);
    await expect(store.putIfAbsent("b", text("y"))).rejects.toMatchObject(closed);
    await expect(store.get("a")).rejects.toMatchObject(closed);
    await expect(store.copy("a", "b")).rejects.toMatchObject(closed);
    await expect(all(store, "")).rejects.toMatchObject(closed);
    await expect(store.delete(["a"])).rejects.toMatchObject(closed);
  });
}

async function all(store: ObjectStore, prefix: string): Promise<ObjectEntry[]> {
  const entries: ObjectEntry[] = [];
  for await (const entry of store.list(prefix)) entries.push(entry);
  return entries;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function asText(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** Compares bytes, whichever kind of byte array the store returns. */
function expectBytes(bytes: Uint8Array | null | undefined, expected: Uint8Array): void {
  expect(bytes?.byteLength).toBe(expected.byteLength);
  expect(Buffer.compare(bytes ?? new Uint8Array(), expected)).toBe(0);
}

function filled(value: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}
