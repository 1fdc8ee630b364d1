// `npm run storm`: set-up, then a rebalance storm of subscribers on a real broker.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

setUp();
await import(pathToFileURL(join(root, "test", "scenarios", "dist", "storm.js")).href);
