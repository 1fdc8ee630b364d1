import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import {
  type Clock,
  Failure,
  type Logger,
  type ObjectBody,
  type ObjectEntry,
  type ObjectStore,
} from "@thulium-stream/contracts";
import { bytesOf, lengthOf, missingSource } from "../object-body.ts";
import { checkKey, checkPrefix, compareKeys } from "../object-key.ts";
import { deleteFailureOf, failureOf, isMissingKey, statusOf } from "./failures.ts";
import { uploadInParts } from "./multipart-upload.ts";
import { S3Connection, type S3Settings } from "./s3-connection.ts";

/** Files above this size are uploaded in parts, in bytes (64 MB). */
const largestSinglePutBytes = 64 * 1024 * 1024;

/** A copy may take as long as so many bytes would on their way, in bytes (64 MB): the server moves them itself. */
const copyDeadlineBytes = 64 * 1024 * 1024;

/** How often a conditional put that met another in flight (409) is sent again before a read decides. */
const mostConflicts = 5;

/** Pause after the first 409, in milliseconds; grows by as much each time. */
const conflictPauseMs = 50;

/** Keys that one DeleteObjects request may name. */
const deletesPerRequest = 1_000;

/** Options of {@link openS3Store}. */
export interface S3StoreOptions extends S3Settings {
  readonly bucket: string;
  /** Keys of this store lie below it; `""` or `a/b`, slashes at the ends do not matter. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Opens a prefix of a bucket as an object store (O1–O8). Nothing is retried here but a 409 of two conditional puts
 * in flight; every request has a deadline of 30 s plus its bytes at 256 KB/s. Bodies have a known length and a CRC-32.
 * @throws Failure `Rejected` (no such bucket, with advice), `Unauthenticated`, `Forbidden`, `Unavailable`, `TimedOut`, `InvalidSettings`.
 */
export async function openS3Store(options: S3StoreOptions): Promise<ObjectStore> {
  const store = new S3Store(options);
  try {
    await store.prepare();
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  return store;
}

class S3Store implements ObjectStore {
  readonly #connection: S3Connection;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly baseUri: string;

  constructor(options: S3StoreOptions) {
    const prefix = options.prefix.replace(/^\/+|\/+$/g, "");
    checkPrefix(prefix);
    this.#connection = new S3Connection(options, options.clock);
    this.#bucket = options.bucket;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    this.baseUri = prefix === "" ? `s3://${options.bucket}` : `s3://${options.bucket}/${prefix}`;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Lists one key: unlike HeadBucket it says in its answer what is wrong, and needs the right that the lake needs. */
  async prepare(): Promise<void> {
    await translated(`opening s3://${this.#bucket}/${this.#prefix}`, () => this.#page("", null, 1));
  }

  async put(key: string, body: ObjectBody): Promise<void> {
    const target = this.#target(key);
    await translated(`writing ${key}`, () => this.#write(target, body, false));
  }

  async putIfAbsent(key: string, body: ObjectBody): Promise<"created" | "exists"> {
    const target = this.#target(key);
    return await translated(`writing ${key}`, async () => {
      for (let conflicts = 1; conflicts <= mostConflicts; conflicts += 1) {
        try {
          await this.#write(target, body, true);
          return "created";
        } catch (error) {
          if (statusOf(error) === 412) return "exists";
          if (statusOf(error) !== 409) throw error;
          this.#logger.debug({ key, conflicts }, "another conditional put is in flight");
          await this.#clock.sleep(conflictPauseMs * conflicts);
        }
      }
      if (await this.#exists(target)) return "exists";
      throw new Failure("Unavailable", `writing ${key} met other writers ${mostConflicts} times`);
    });
  }

  async get(key: string): Promise<Uint8Array | null> {
    const target = this.#target(key);
    return await translated(`reading ${key}`, async () => {
      try {
        return await this.#read(target);
      } catch (error) {
        if (isMissingKey(error)) return null;
        throw error;
      }
    });
  }

  async copy(from: string, to: string): Promise<void> {
    const [source, target] = [this.#target(from), this.#target(to)];
    const path = [source.Bucket, ...source.Key.split("/")].map(encodeURIComponent).join("/");
    const copy = new CopyObjectCommand({ ...target, CopySource: path });
    await translated(`copying ${from}`, async () => {
      try {
        await this.#connection.request(copyDeadlineBytes, (client, options) =>
          client.send(copy, options),
        );
      } catch (error) {
        throw isMissingKey(error) ? missingSource(from) : error;
      }
    });
  }

  async *list(prefix: string): AsyncIterable<ObjectEntry> {
    this.#connection.checkOpen();
    checkPrefix(prefix);
    let previous = "";
    let after: string | null = null;
    do {
      const page = await this.#translatedPage(prefix, after);
      for (const { Key = "", Size = 0, LastModified } of page.Contents ?? []) {
        // Consoles mark "folders" by empty objects with a slash at the end; no key of ours has one.
        if (Key.endsWith("/")) continue;
        if (compareKeys(previous, Key) >= 0) throw outOfOrder(previous, Key);
        previous = Key;
        const key = Key.slice(this.#prefix.length);
        yield { key, bytes: Size, modifiedAtMs: LastModified?.getTime() ?? 0 };
      }
      after = page.IsTruncated === true ? (page.NextContinuationToken ?? null) : null;
    } while (after !== null);
  }

  async delete(keys: readonly string[]): Promise<void> {
    this.#connection.checkOpen();
    const targets = keys.map((key) => ({ Key: this.#target(key).Key }));
    for (let from = 0; from < targets.length; from += deletesPerRequest) {
      const Objects = targets.slice(from, from + deletesPerRequest);
      await translated("deleting objects", () => this.#deleteSome(Objects));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
  }

  async #write(target: Target, body: ObjectBody, ifAbsent: boolean): Promise<void> {
    const bytes = await lengthOf(body);
    if (!(body instanceof Uint8Array) && bytes > largestSinglePutBytes) {
      const upload = { target, file: body.file, bytes, ifAbsent };
      await uploadInParts(upload, this.#connection, this.#logger);
      return;
    }
    const Body = await bytesOf(body);
    const put = new PutObjectCommand({
      ...target,
      Body,
      ContentLength: Body.byteLength,
      ChecksumAlgorithm: "CRC32",
      ...(ifAbsent ? { IfNoneMatch: "*" } : {}),
    });
    await this.#connection.request(bytes, (client, options) => client.send(put, options));
  }

  async #read(target: Target): Promise<Uint8Array> {
    const get = new GetObjectCommand(target);
    const { Body, ContentLength = 0 } = await this.#connection.request(0, (client, options) =>
      client.send(get, options),
    );
    if (Body === undefined) return new Uint8Array();
    return await this.#connection.request(ContentLength, async (_, { abortSignal }) => {
      const stop = () => "destroy" in Body && Body.destroy(abortSignal.reason);
      abortSignal.addEventListener("abort", stop, { once: true });
      return await Body.transformToByteArray();
    });
  }

  async #exists(target: Target): Promise<boolean> {
    const head = new HeadObjectCommand(target);
    try {
      await this.#connection.request(0, (client, options) => client.send(head, options));
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }

  async #deleteSome(Objects: { Key: string }[]): Promise<void> {
    const remove = new DeleteObjectsCommand({
      Bucket: this.#bucket,
      Delete: { Objects, Quiet: true },
    });
    const { Errors = [] } = await this.#connection.request(0, (client, options) =>
      client.send(remove, options),
    );
    const refused = Errors.find(({ Code }) => Code !== "NoSuchKey");
    if (refused !== undefined) throw deleteFailureOf(refused);
  }

  async #translatedPage(prefix: string, after: string | null): Promise<ListObjectsV2CommandOutput> {
    return await translated(`listing ${prefix}`, () => this.#page(prefix, after, 1_000));
  }

  async #page(
    prefix: string,
    after: string | null,
    MaxKeys: number,
  ): Promise<ListObjectsV2CommandOutput> {
    const list = new ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: this.#prefix + prefix,
      MaxKeys,
      ...(after === null ? {} : { ContinuationToken: after }),
    });
    return await this.#connection.request(0, (client, options) => client.send(list, options));
  }

  #target(key: string): Target {
    this.#connection.checkOpen();
    checkKey(key);
    checkKey(this.#prefix + key);
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }
}

interface Target {
  readonly Bucket: string;
  readonly Key: string;
}

function outOfOrder(previous: string, key: string): Failure {
  return new Failure("InvalidSettings", `the bucket lists ${key} after ${previous} (O5)`, {
    advice: "Use a general purpose bucket: directory buckets do not list in byte order.",
  });
}

async function translated<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error, what);
  }
}
