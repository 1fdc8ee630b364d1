import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ObjectStore, silentLogger } from "@thulium-stream/contracts";
import { ManualClock } from "@thulium-stream/kit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openS3Store } from "./s3-store.ts";

const emptyList = `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers listings emptily and everything else as the test says: what a real server cannot be made to do. */
describe("the S3 store against a server that misbehaves", () => {
  const clock = new ManualClock();
  let server: Server;
  let store: ObjectStore;
  let answer: Answer;
  let requests: string[];

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      if (request.url?.includes("list-type=2")) {
        response.end(emptyList);
        return;
      }
      requests.push(`${request.method} ${request.headers["if-none-match"] ?? ""}`.trim());
      request.resume();
      request.on("end", () => answer(request, response));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    store = await openS3Store({
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      bucket: "lake",
      prefix: "",
      clock,
      logger: silentLogger,
    });
  });

  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const status = (code: number, name = "Oops") => {
    answer = (_, response) => {
      response.writeHead(code, { "content-type": "application/xml" });
      response.end(`<Error><Code>${name}</Code><Message>m</Message></Error>`);
    };
  };

  it("O3: sends a put once, whatever the answer: retrying is the caller's", async () => {
    status(500, "InternalError");
    await expect(store.put("a", Uint8Array.of(1))).rejects.toMatchObject({ code: "Unavailable" });
    await expect(store.get("a")).rejects.toMatchObject({ code: "Unavailable" });
    expect(requests).toEqual(["PUT", "GET"]);
  });

  it("O2: 412 is exists, and the condition was sent", async () => {
    status(412, "PreconditionFailed");
    expect(await store.putIfAbsent("a", Uint8Array.of(1))).toBe("exists");
    expect(requests).toEqual(["PUT *"]);
  });

  it.each([
    ["exists when it is there", 200, "exists"],
    ["Unavailable when it is not", 404, "Unavailable"],
  ])(
    "O2: a conflict (409) is sent again 5 times, then a read decides: %s",
    async (_, head, outcome) => {
      answer = (request, response) => {
        response.writeHead(request.method === "HEAD" ? head : 409).end();
      };
      const put = store
        .putIfAbsent("a", Uint8Array.of(1))
        .catch((error: { code: string }) => error.code);
      const settled = { done: false };
      void put.finally(() => {
        settled.done = true;
      });
      while (!settled.done) await clock.advance(50);
      expect(await put).toBe(outcome);
      expect(requests).toEqual([...Array.from({ length: 5 }, () => "PUT *"), "HEAD"]);
    },
  );

  it("O2: a conflict followed by success is created", async () => {
    answer = (_, response) => response.writeHead(requests.length === 1 ? 409 : 200).end();
    const put = store.putIfAbsent("a", Uint8Array.of(1));
    while (requests.length < 2) await clock.advance(50);
    expect(await put).toBe("created");
  });

  it("a server that never answers is TimedOut at the deadline", async () => {
    answer = () => undefined;
    const put = store.put("a", Uint8Array.of(1)).catch((error: { code: string }) => error.code);
    while (requests.length < 1) await clock.advance(0);
    await clock.advance(31_000);
    expect(await put).toBe("TimedOut");
  });

  it("a body that stops half way is TimedOut at the deadline, a cut one Unavailable: never a short object", async () => {
    let started = 0;
    answer = (_, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write(Buffer.alloc(10), () => {
        started += 1;
      });
      if (started > 0) response.destroy();
    };
    const stalled = store.get("a").catch((error: { code: string }) => error.code);
    while (started < 1) await clock.advance(0);
    const settled = { done: false };
    void stalled.finally(() => {
      settled.done = true;
    });
    while (!settled.done) await clock.advance(10_000);
    expect(await stalled).toBe("TimedOut");
    await expect(store.get("a")).rejects.toMatchObject({ code: "Unavailable" });
  });

  it("a 404 page of a proxy is no absent key", async () => {
    answer = (_, response) =>
      response.writeHead(404, { "content-type": "text/html" }).end("<html>");
    await expect(store.get("a")).rejects.toMatchObject({ name: "Failure" });
  });
});
