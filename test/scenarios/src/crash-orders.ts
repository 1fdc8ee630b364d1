import { readFileSync } from "node:fs";
import type { Crash } from "./crash-points.ts";
import type { LakeConditions } from "./lake-chaos/lake-conditions.ts";

/** What a process is told through a file: where to end, and under which conditions its lake writer works. */
export interface CrashOrders {
  /** null: nowhere. */
  readonly crash: Crash<string> | null;
  readonly lake?: LakeConditions;
}

/** The crash of the process that asks: counts how often it passes the point, and ends it when the time has come. SIGUSR2 makes it read its orders again. */
export class OrderedCrash {
  readonly #path: string;
  #crash: Crash<string> | null = null;
  #passed = 0;

  constructor(path: string) {
    this.#path = path;
    this.read();
    process.on("SIGUSR2", () => this.read());
  }

  /** Where it is to end; null: nowhere. */
  get point(): string | null {
    return this.#crash?.point ?? null;
  }

  /** Reads the orders and begins to count. */
  read(): CrashOrders {
    const orders = JSON.parse(readFileSync(this.#path, "utf8")) as CrashOrders;
    this.#crash = orders.crash;
    this.#passed = 0;
    return orders;
  }

  /** Makes the call, and ends this process before or after it if its time has come. */
  async passing<T>(point: string, call: () => Promise<T>): Promise<T> {
    const crash = this.#crash;
    if (crash?.point !== point) return await call();
    const isDue = () => {
      // Taken back meanwhile.
      if (this.#crash !== crash) return false;
      this.#passed += 1;
      return this.#passed === crash.nth;
    };
    const end = () => process.kill(process.pid, crash.by ?? "SIGKILL");
    if (crash.when === "before") {
      if (isDue()) end();
      return await call();
    }
    // One that fails, as a commit that another came before, is not answered: the next one counts.
    const answer = await call();
    if (isDue()) end();
    return answer;
  }

  /** Replaces methods by ones that pass a point. */
  through<T extends object>(target: T, points: Partial<Record<keyof T, string>>): T {
    for (const [name, point] of Object.entries(points) as [keyof T, string][]) {
      const real = target[name] as unknown as (...args: unknown[]) => Promise<unknown>;
      const passing = this.passing.bind(this);
      function wrapped(this: T, ...args: unknown[]) {
        return passing(point, async () => real.apply(this, args));
      }
      target[name] = wrapped as unknown as T[keyof T];
    }
    return target;
  }
}
