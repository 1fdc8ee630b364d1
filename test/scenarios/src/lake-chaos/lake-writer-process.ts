import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Crash } from "../crash-points.ts";
import { Deployment, type Ended } from "../pipeline-process.ts";
import type { LakeConditions } from "./lake-conditions.ts";

/** A lake writer as a process of its own, which may be ordered to end or to fall asleep at a named point. */
export class LakeWriterProcess {
  readonly name: string;
  readonly #deployment: Deployment;
  readonly #lake: LakeConditions;
  #process: ChildProcess | null = null;
  #ended: Promise<Ended> | null = null;
  #over: Ended | null = null;
  #told = "";
  /** What it told in its former lives of metadata that it wrote. */
  #wrote: readonly string[] = [];

  constructor(name: string, env: Readonly<Record<string, string>>, lake: LakeConditions) {
    this.name = name;
    this.#deployment = new Deployment(env);
    this.#lake = lake;
  }

  /** Starts it, with a crash that it is to meet at once or none yet. */
  start(crash: Crash<string> | null = null): void {
    const orders = { crash, lake: this.#lake };
    const { process: child, ended } = this.#deployment.startOrdered(orders, ["lake-writer"]);
    this.#process = child;
    this.#over = null;
    this.#wrote = this.metadataWritten;
    this.#told = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#told += chunk;
    });
    this.#ended = ended.then((over) => {
      this.#over = over;
      return over;
    });
  }

  /** Orders a crash, or takes the order back. It must have come as far as to its work. */
  order(crash: Crash<string> | null): void {
    this.#deployment.order({ crash, lake: this.#lake });
    this.signal("SIGUSR2");
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** How it ended; null while it is there. */
  get over(): Ended | null {
    return this.#over;
  }

  /** What it wrote to its standard error since it was started, without what it tells of each commit. */
  get told(): string {
    return this.#told.replace(/^wrote .*\n/gm, "");
  }

  /** Whether it has come to its work: from then on it hears signals. */
  get isUp(): boolean {
    return this.#told.includes("health http");
  }

  /** Whether it is suspended, by Linux's /proc. */
  get isAsleep(): boolean {
    if (this.#over !== null) return false;
    try {
      return readFileSync(`/proc/${this.#process?.pid ?? 0}/stat`, "utf8").includes(") T ");
    } catch {
      return false;
    }
  }

  /** Resolves when it is gone. */
  async ended(): Promise<Ended> {
    if (this.#ended === null) throw new Error(`${this.name} was never started`);
    return await this.#ended;
  }

  /** What it deleted in works that never may: a flush, a merge, a snapshot. */
  get forbiddenDeletes(): readonly string[] {
    return this.#told.match(/^deletes in (?:flush|merge|snapshot|compact)\..*$/gm) ?? [];
  }

  /** Keys of the metadata files that it wrote in all its lives. */
  get metadataWritten(): readonly string[] {
    return [...this.#wrote, ...metadataWritten(this.#told)];
  }

  dispose(): void {
    this.#deployment.dispose();
  }
}

/** Keys of the metadata files that a process says it wrote. */
export function metadataWritten(told: string): readonly string[] {
  return [...told.matchAll(/^wrote (\S+)$/gm)].map(([, key = ""]) => key);
}
