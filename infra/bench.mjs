// `npm run bench`: set-up, then the benchmarks; arguments select them by name.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

setUp();
await import(pathToFileURL(join(root, "test", "bench", "dist", "main.js")).href);
