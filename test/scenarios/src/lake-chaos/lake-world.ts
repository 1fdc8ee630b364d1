import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { type EventLog, type ObjectStore, silentLogger } from "@thulium-stream/contracts";
import { seededRandom } from "@thulium-stream/kit";
import type { S3Address } from "@thulium-stream/kit/real-servers";
import { openFileCache, openObjectStore } from "@thulium-stream/lake";
import { newId, systemClock } from "@thulium-stream/runtime";
import { ExtractorProcess, until } from "../extractor-process.ts";
import { changeDesk } from "../kill-run.ts";
import { openLogBeside } from "../log-checks.ts";
import { Deployment } from "../pipeline-process.ts";
import { type HelpDesk, openHelpDesk } from "../truth.ts";
import { LakeAuditor } from "./lake-auditor.ts";
import { oldPartition } from "./lake-conditions.ts";

/** How long a step may take on a machine that does other things as well: 5 min. */
export const worldPatienceMs = 300_000;

/** Real servers. */
export interface Servers {
  readonly brokers: readonly string[];
  readonly s3: S3Address;
}

/** A desk that changes, an extractor that is left alone, and a lake that lake writers are about to fill. */
export class LakeWorld {
  readonly desk: HelpDesk;
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly auditor: LakeAuditor;
  /** Settings of every process. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the extractor; commands are given there, too. */
  readonly deployment: Deployment;
  /** Tickets that an erasure was asked for. */
  readonly erased = new Set<string>();
  readonly #extractor: ExtractorProcess;
  readonly #ids: number[];
  readonly #random: () => number;
  readonly #folder: string;

  private constructor(opened: {
    readonly desk: HelpDesk;
    readonly log: EventLog;
    readonly store: ObjectStore;
    readonly env: Readonly<Record<string, string>>;
    readonly url: string;
    readonly seed: number;
  }) {
    const { desk, log, store, env, url, seed } = opened;
    this.desk = desk;
    this.log = log;
    this.store = store;
    this.env = env;
    this.deployment = new Deployment(env);
    this.#extractor = new ExtractorProcess("the extractor", this.deployment);
    this.#ids = [...desk.sandbox.truth().rows()].map((row) => Number(row["ticket_id"]));
    this.#random = seededRandom(seed);
    this.#folder = mkdtempSync(join(tmpdir(), "lake-audit-"));
    const cache = openFileCache({ url, store, folder: this.#folder, clock: systemClock, newId });
    this.auditor = new LakeAuditor({ log, store, cache });
  }

  /** Opens a world whose changes are drawn from `seed`, and starts its extractor. */
  static async open({ brokers, s3 }: Servers, seed: number, tickets: number): Promise<LakeWorld> {
    const name = `lake-chaos-${randomUUID().slice(0, 8)}`;
    const { endpoint, region, accessKeyId, secretAccessKey } = s3;
    const credentials = { accessKeyId, secretAccessKey };
    const connection = { endpoint, region, forcePathStyle: true, credentials };
    await new S3Client(connection).send(new CreateBucketCommand({ Bucket: name }));
    const desk = await openHelpDesk(tickets);
    const url = `s3://${name}/lake`;
    const env = {
      ...desk.env,
      EVENT_LOG_URL: `kafka://${brokers.join(",")}`,
      TOPIC_PREFIX: `${name}.`,
      LAKE_URL: url,
      S3_ENDPOINT: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      POLL_INTERVAL: "500ms",
      SETTLE_DELAY: "1s",
      REQUESTS_PER_SECOND: "50",
      LAKE_FLUSH_INTERVAL: "1s",
      MERGE_INTERVAL: "1s",
      SNAPSHOT_RETAIN: "20s",
      // All rows wait on the disk, as those of a backlog do.
      PARQUET_ENCODER: "duckdb",
    };
    const log = await openLogBeside(env.EVENT_LOG_URL, env.TOPIC_PREFIX);
    const common = { clock: systemClock, logger: silentLogger, newId };
    const store = await openObjectStore({ url, s3: connection, ...common });
    const world = new LakeWorld({ desk, log, store, env, url, seed });
    await world.#extractor.start();
    const isThere = async () => (await world.auditor.recordsOf("tickets")) >= world.#ids.length;
    await until("the desk is on the log", isThere, worldPatienceMs);
    return world;
  }

  /** A number in [0, 1) from the seed. */
  random(): number {
    return this.#random();
  }

  /** One change of a random ticket, now. */
  change(): void {
    if (!this.#extractor.isRunning)
      throw new Error(`the extractor ended:\n${this.#extractor.told}`);
    changeDesk(this.desk, this.#ids, this.#random);
  }

  /** Changes the desk until `isOver`. */
  async changeUntil(isOver: () => boolean | Promise<boolean>, everyMs = 200): Promise<void> {
    while (!(await isOver())) {
      this.change();
      await systemClock.sleep(everyMs);
    }
  }

  /** Lays a data file that nobody names and that is ten days old. */
  async layOrphan(): Promise<void> {
    const key = `tables/ticket_events/data/${oldPartition}/${newId()}.parquet`;
    await this.store.put(key, new TextEncoder().encode("an orphan"));
  }

  /** Asks for the erasure of a ticket that is in the lake. */
  async eraseOne(): Promise<void> {
    const at = Math.floor(this.#random() * this.#ids.length);
    const [id = 0] = this.#ids.splice(at, 1);
    this.erased.add(String(id));
    await this.deployment.succeed(["erase", "--ticket", String(id), "--yes", "--no-wait"]);
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.#extractor.signal("SIGKILL");
    await this.log.close();
    await this.store[Symbol.asyncDispose]();
    await this.desk.server.close();
    this.deployment.dispose();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
