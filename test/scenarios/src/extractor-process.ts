import type { ChildProcess } from "node:child_process";
import { systemClock } from "@thulium-stream/runtime";
import type { Deployment, Ended } from "./pipeline-process.ts";

/** How long something that must happen may take on a busy machine. */
const patienceMs = 120_000;

/** One of several extractors of a system: the built command in a folder of its own. */
export class ExtractorProcess {
  readonly name: string;
  readonly deployment: Deployment;
  #process: ChildProcess | null = null;
  #ended: Promise<Ended> | null = null;
  #stderr = "";

  constructor(name: string, deployment: Deployment) {
    this.name = name;
    this.deployment = deployment;
  }

  /** Starts it and waits until its health endpoint is up. */
  async start(): Promise<void> {
    const { process: child, ended } = this.deployment.start(["extractor"]);
    this.#stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr += chunk;
    });
    this.#process = child;
    this.#ended = ended;
    await until(`${this.name} answers`, async () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended:\n${(await ended).stderr}`);
      return (await this.isActive()) !== null;
    });
  }

  /** Whether it says that it is the active one; null while it does not answer. */
  async isActive(): Promise<boolean | null> {
    const url = /health (http:\S+)\/readyz/.exec(this.#stderr)?.[1];
    if (url === undefined) return null;
    try {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(1_000) });
      const [, value] = /^thulium_extractor_active (\d)$/m.exec(await answer.text()) ?? [];
      return value === undefined ? null : value === "1";
    } catch {
      return null;
    }
  }

  /** Process id. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** What it wrote to its standard error since it was started. */
  get told(): string {
    return this.#stderr;
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Resolves when it is gone. */
  async ended(): Promise<Ended> {
    if (this.#ended === null) throw new Error(`${this.name} was never started`);
    return this.#ended;
  }
}

/** The one that is active, once exactly one of them is. */
export async function theActive(processes: readonly ExtractorProcess[]): Promise<ExtractorProcess> {
  let found: ExtractorProcess | undefined;
  await until(`one of ${processes.map(({ name }) => name).join(", ")} is active`, async () => {
    const answers = await Promise.all(processes.map((one) => one.isActive()));
    found = processes[answers.indexOf(true)];
    return answers.filter((active) => active === true).length === 1;
  });
  if (found === undefined) throw new Error("unreachable");
  return found;
}

/** Waits until a condition holds. @throws Error naming it after two minutes, or after `withinMs`. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  withinMs = patienceMs,
): Promise<void> {
  const endMs = systemClock.now() + withinMs;
  while (!(await holds())) {
    if (systemClock.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await systemClock.sleep(50);
  }
}
