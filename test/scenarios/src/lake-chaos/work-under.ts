import { AsyncLocalStorage } from "node:async_hooks";
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { isFailure } from "@thulium-stream/contracts";
import { defaultHistory, LineAppender, Table } from "@thulium-stream/lake";
import { LakeWriter } from "@thulium-stream/lake-writer";
import { systemClock } from "@thulium-stream/runtime";
import { Kafka } from "kafkajs";
import type { OrderedCrash } from "../crash-orders.ts";
import { type LakeConditions, oldPartition } from "./lake-conditions.ts";
import type { LakeWork } from "./lake-points.ts";

/** What goes on, as far as the calls to the store show it. */
interface Going {
  readonly work: LakeWork | "maintain";
  /** Whether maintenance has listed the table since it last changed it: what it deletes then are orphans. */
  hasListed: boolean;
}

const going = new AsyncLocalStorage<Going>();
const hourMs = 3_600_000;
/** A killed or sleeping member is given up after so long: the shortest that brokers allow. */
const sessionMs = 6_000;
/** How long a flush waits between its rows and its commit, one after the other. */
const pausesMs = [0, 200, 600];

/** Wraps what a lake writer calls, in this process alone: every call to the store passes a named point, and hours pass within seconds. */
export function workUnder(conditions: LakeConditions, crash: OrderedCrash): void {
  const suffix = conditions.ownGroup ? `.${process.pid}` : "";
  crash.through(LineAppender.prototype, { append: "flush.rows" });
  const makeConsumer = Kafka.prototype.consumer;
  Kafka.prototype.consumer = function consumer(this: Kafka, options) {
    const { groupId = "" } = options ?? {};
    const quick = {
      ...options,
      groupId: groupId + suffix,
      sessionTimeout: sessionMs,
      heartbeatInterval: 1_000,
    };
    return crash.through(makeConsumer.call(this, quick), { commitOffsets: "flush.offsets" });
  };
  // Expiry has something to let go early, and reads little.
  Object.assign(defaultHistory, { newest: 20 });
  tellWork();
  sendThrough(conditions, crash);
  age(conditions);
  if (conditions.choresMs > 0) doChores(conditions.choresMs, crash);
}

/** Lets the calls below each work know what they belong to. */
function tellWork(): void {
  const inside = <T extends object>(target: T, name: keyof T, work: Going["work"]) => {
    const real = target[name] as unknown as (...args: unknown[]) => unknown;
    target[name] = function told(this: T, ...args: unknown[]) {
      return going.run({ work, hasListed: false }, () => real.apply(this, args));
    } as unknown as T[keyof T];
  };
  inside(LakeWriter.prototype, "mergeStates", "merge");
  inside(LakeWriter.prototype, "writeSnapshot", "snapshot");
  inside(LakeWriter.prototype, "compact", "maintain");
  inside(LakeWriter.prototype, "expire", "maintain");
  inside(LakeWriter.prototype, "erase", "erase");
  leaveLess();
  const update = Table.prototype.update;
  Table.prototype.update = function updated(this: Table, ...args) {
    const now = going.getStore();
    if (now?.work !== "maintain") return update.apply(this, args);
    now.hasListed = false;
    return going.run({ work: "expire", hasListed: false }, () => update.apply(this, args));
  };
}

/** Commits let old states go by themselves: an expiry is told to leave fewer than they do, so that it has something to do. */
function leaveLess(): void {
  const described = Object.getOwnPropertyDescriptor(Table.prototype, "metadata");
  Object.defineProperty(Table.prototype, "metadata", {
    get(this: Table) {
      const metadata: Table["metadata"] = described?.get?.call(this) ?? null;
      if (metadata === null || going.getStore()?.work !== "maintain") return metadata;
      const fewer = { "history.expire.min-snapshots-to-keep": "5" };
      return { ...metadata, properties: { ...metadata.properties, ...fewer } };
    },
  });
}

/** Every request to the S3 server passes the point that it is, if it is one. */
function sendThrough({ plant }: LakeConditions, crash: OrderedCrash): void {
  const send = S3Client.prototype.send as (...args: unknown[]) => Promise<unknown>;
  let flushes = 0;
  const sent = async function sent(this: S3Client, ...args: unknown[]) {
    const [command] = args;
    const now = going.getStore();
    if (command instanceof ListObjectsV2Command && now !== undefined) now.hasListed = true;
    const point = pointOf(command);
    if (command instanceof DeleteObjectsCommand && point !== null)
      // Whoever watches sees who deletes: a flush or a merge never may.
      process.stderr.write(`deletes in ${point}\n`);
    if (point?.endsWith(".metadata") === true && plant === "unconditional")
      delete (command as PutObjectCommand).input.IfNoneMatch;
    const call = async () => {
      const answer = await send.apply(this, args);
      // Whoever watches sees that no version is written twice.
      if (point?.endsWith(".metadata") === true)
        process.stderr.write(`wrote ${(command as PutObjectCommand).input.Key}\n`);
      return answer;
    };
    if (point === null) return await call();
    // Between the rows of a flush and its commit there is time for the others.
    if (point === "flush.list") await systemClock.sleep(pausesMs[flushes++ % pausesMs.length] ?? 0);
    if (point !== "flush.data" || plant !== "rows-late") return await crash.passing(point, call);
    void systemClock.sleep(2_000).then(call);
    return {};
  };
  S3Client.prototype.send = sent as typeof S3Client.prototype.send;
}

/** The point that a request is; null for one that is none. */
function pointOf(command: unknown): string | null {
  const { work = "flush", hasListed = false } = going.getStore() ?? {};
  if (command instanceof CopyObjectCommand) return `${work}.copy`;
  if (command instanceof DeleteObjectsCommand) {
    const [key = ""] = command.input.Delete?.Objects?.map(({ Key = "" }) => Key) ?? [];
    if (work === "erase") return key.includes("snapshots/") ? null : "erase.delete";
    // A snapshot that was erased from before it was closed takes its own manifests back.
    if (work === "snapshot" && key.endsWith("/_manifest.json")) return null;
    if (work !== "maintain") return key.includes("_probe/") ? null : `${work}.delete`;
    if (key.includes("snapshots/")) return "folders.delete";
    return hasListed ? "orphans.delete" : "expire.delete";
  }
  if (!(command instanceof PutObjectCommand)) return null;
  const call = callOf(command.input.Key ?? "");
  // A snapshot begins with a merge; what maintenance writes into tables it has laid together.
  const isOfTable = !["closing", "latest", "snapshot"].includes(call ?? "");
  const doing = isOfTable && work === "snapshot" ? "merge" : work === "maintain" ? "compact" : work;
  return call === null ? null : `${doing}.${call}`;
}

/** What is written, by the key. */
function callOf(key: string): string | null {
  if (key.includes("snapshots/")) {
    if (key.endsWith("/_manifest.json")) return "closing";
    return key.endsWith("/_latest.json") ? "latest" : "snapshot";
  }
  if (key.endsWith("/version-hint.text")) return "hint";
  if (key.endsWith(".metadata.json")) return "metadata";
  if (/\/metadata\/snap-[^/]+$/.test(key)) return "list";
  if (/\/metadata\/m-[^/]+$/.test(key)) return "manifest";
  return /\/data\/.*\.parquet$/.test(key) ? "data" : null;
}

/** Ages of files grow as if an hour were shorter, in the store's dates and where a writer judges its own files. */
function age({ hourMs: shortHourMs, plant }: LakeConditions): void {
  const factor = hourMs / shortHourMs;
  const aged = (ms: number) => {
    const nowMs = systemClock.now();
    return nowMs - Math.max(0, nowMs - ms) * factor;
  };
  const send = S3Client.prototype.send as (...args: unknown[]) => Promise<unknown>;
  const dated = async function dated(this: S3Client, ...args: unknown[]) {
    const answer = await send.apply(this, args);
    if (!(args[0] instanceof ListObjectsV2Command)) return answer;
    for (const object of (answer as ListObjectsV2CommandOutput).Contents ?? []) {
      const ms = object.LastModified?.getTime() ?? 0;
      // Without grace every data file is as old as an orphan has to be.
      const oldPart = plant === "no-grace" ? "/data/" : oldPartition;
      const isOld = object.Key?.includes(oldPart) === true;
      object.LastModified = new Date(isOld ? ms - 240 * hourMs : aged(ms));
    }
    return answer;
  };
  S3Client.prototype.send = dated as typeof S3Client.prototype.send;
  const commit = Table.prototype.commit;
  Table.prototype.commit = function committed(this: Table, change, signal) {
    const from = plant === "deaf" ? {} : change.from;
    const aging = {
      ...change,
      ...(from === undefined ? {} : { from }),
      // Asked at each attempt: time passes between them.
      get writtenAtMs() {
        return plant === "no-grace" ? change.writtenAtMs : aged(change.writtenAtMs);
      },
    };
    return commit.call(this, aging, signal);
  };
}

/** What is done at short intervals beside what the writer does by itself, one after the other. */
const chores = ["snapshot", "compact", "erase", "snapshot", "compact", "expire"] as const;

/** In which chore a work is done. */
const choreOfWork: Readonly<Record<string, (typeof chores)[number]>> = {
  snapshot: "snapshot",
  compact: "compact",
  erase: "erase",
  expire: "expire",
  folders: "expire",
  orphans: "expire",
};

/** Maintenance, snapshots and erasures through the writer's own methods; every second time that in which the process is to end. */
function doChores(everyMs: number, crash: OrderedCrash): void {
  const run = LakeWriter.prototype.run;
  LakeWriter.prototype.run = async function running(this: LakeWriter, signal) {
    const works = {
      snapshot: () => this.writeSnapshot(signal),
      compact: () => this.compact(signal),
      erase: () => this.erase(signal),
      expire: () => this.expire(signal),
    };
    const doAll = async () => {
      let turn = 0;
      for (let n = 0; !signal.aborted; n += 1) {
        await systemClock.sleep(everyMs, signal);
        if (!this.ownsMaintenance) continue;
        const wanted = choreOfWork[crash.point?.split(".")[0] ?? ""];
        const chore = n % 2 === 0 && wanted !== undefined ? wanted : chores[turn++ % chores.length];
        await works[chore ?? "compact"]().catch(tolerated);
      }
    };
    const ignoreEnd = (error: unknown) => {
      if (!isFailure(error, "Cancelled")) throw error;
    };
    await Promise.all([run.call(this, signal), doAll().catch(ignoreEnd)]);
  };
}

/** What another commit came before is left to the next time, as a service does; anything else is a finding. */
function tolerated(error: unknown): void {
  if (!isFailure(error, "Rejected", "Unavailable", "TimedOut", "RateLimited")) throw error;
  process.stderr.write(`chore: ${error.message}\n`);
}
