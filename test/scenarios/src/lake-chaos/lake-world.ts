import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EventLog,
  isFailure,
  type ObjectStore,
  silentLogger,
} from "@thulium-stream/contracts";
import { seededRandom } from "@thulium-stream/kit";
import { openFileCache, openObjectStore } from "@thulium-stream/lake";
import { ErasureFollower, newId, systemClock } from "@thulium-stream/runtime";
import { ExtractorProcess, until } from "../extractor-process.ts";
import { changeDesk } from "../kill-run.ts";
import { openLogBeside } from "../log-checks.ts";
import { Deployment } from "../pipeline-process.ts";
import { remotePlace, type Servers } from "../place.ts";
import { type HelpDesk, openHelpDesk } from "../truth.ts";
import { LakeAuditor, type LakeFindings } from "./lake-auditor.ts";
import { oldPartition } from "./lake-conditions.ts";
import type { LakeWriterProcess } from "./lake-writer-process.ts";

/** How long a step may take on a machine that does other things as well: 5 min. */
export const worldPatienceMs = 300_000;

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
  readonly #erasures: ErasureFollower;
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
    this.#erasures = new ErasureFollower(log, "acme");
    this.#folder = mkdtempSync(join(tmpdir(), "lake-audit-"));
    const cache = openFileCache({ url, store, folder: this.#folder, clock: systemClock, newId });
    this.auditor = new LakeAuditor({ log, store, cache });
  }

  /** Opens a world whose changes are drawn from `seed`, and starts its extractor. */
  static async open(servers: Servers, seed: number, tickets: number): Promise<LakeWorld> {
    const { env: place, topicPrefix, s3 } = await remotePlace("lake-chaos", servers);
    const desk = await openHelpDesk(tickets);
    const env = {
      ...desk.env,
      ...place,
      POLL_INTERVAL: "1s",
      SETTLE_DELAY: "1s",
      REQUESTS_PER_SECOND: "50",
      LAKE_FLUSH_INTERVAL: "1s",
      MERGE_INTERVAL: "2s",
      SNAPSHOT_RETAIN: "20s",
      // All rows wait on the disk, as those of a backlog do.
      PARQUET_ENCODER: "duckdb",
    };
    const log = await openLogBeside(place["EVENT_LOG_URL"] ?? "", topicPrefix);
    const url = place["LAKE_URL"] ?? "";
    const common = { clock: systemClock, logger: silentLogger, newId };
    const store = await openObjectStore({ url, s3, ...common });
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
  async changeUntil(isOver: () => boolean | Promise<boolean>, everyMs = 300): Promise<void> {
    while (!(await isOver())) {
      this.change();
      await systemClock.sleep(everyMs);
    }
  }

  /** Lays a data file that nobody names and that is ten days old: the same rows as another has. */
  async layOrphan(): Promise<void> {
    const folder = "tables/ticket_events/data";
    for await (const { key } of this.store.list(`${folder}/`)) {
      if (key.includes(oldPartition)) continue;
      try {
        return await this.store.copy(key, `${folder}/${oldPartition}/${newId()}.parquet`);
      } catch (error) {
        // It was just compacted away, or erased: another will do.
        if (!isFailure(error, "Rejected")) throw error;
      }
    }
  }

  /** Asks for the erasure of a ticket that is in the lake. */
  async eraseOne(): Promise<void> {
    const at = Math.floor(this.#random() * this.#ids.length);
    const [id = 0] = this.#ids.splice(at, 1);
    this.erased.add(String(id));
    await this.deployment.succeed(["erase", "--ticket", String(id), "--yes", "--no-wait"]);
  }

  /** Whether the lake has still to do its part of an erasure that was asked for. */
  async isErasing(): Promise<boolean> {
    await this.#erasures.refresh();
    const { records } = this.#erasures;
    const done = records.list.erasures.filter((each) => records.doneBy("lake", each) !== null);
    return done.length < this.erased.size;
  }

  /** Looks at the lake while these writers do not work on it. */
  async audit(writers: readonly LakeWriterProcess[]): Promise<LakeFindings> {
    const found = await this.auditor.audit(this.erased);
    // An erasure that was cut short leaves snapshot folders whose manifests do not fit their files, until it is gone on with.
    const isErasing = await this.isErasing();
    const faults = found.faults.filter((fault) => !(isErasing && fault.startsWith("snapshots/")));
    const written = writers.flatMap(({ metadataWritten }) => metadataWritten);
    const twice = written.filter((key, at) => written.indexOf(key) !== at);
    return {
      ...found,
      faults: [
        ...faults,
        ...twice.map((key) => `${key} was written twice: a commit is gone`),
        ...writers.flatMap(({ forbiddenDeletes }) => forbiddenDeletes),
      ],
    };
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
