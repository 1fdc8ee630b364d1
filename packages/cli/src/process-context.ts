import type { Clock, Logger } from "@thulium-stream/contracts";
import {
  createLogger,
  environment,
  isInteractive,
  type Needs,
  readSettings,
  type Settings,
  systemClock,
  unknownSettings,
} from "@thulium-stream/runtime";

/** What every command starts with. */
export interface ProcessContext {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a person watches. */
  readonly interactive: boolean;
}

/** Reads the settings and opens the logger. @throws Failure `InvalidSettings` with every fault at once. */
export function processContext(needs: Needs = {}): ProcessContext {
  const settings = readSettings(environment(), needs);
  const interactive = isInteractive();
  const logger = createLogger({ level: settings.LOG_LEVEL, pretty: interactive });
  for (const name of unknownSettings(environment()))
    logger.warn({ name }, "this looks like a setting, but there is none of this name");
  return { settings, clock: systemClock, logger, interactive };
}
