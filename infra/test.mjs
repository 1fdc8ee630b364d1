// `npm test`: format and lint, types, then the suites. Ends with the totals as `N passed, N failed`.
// `--only unit|simulation|integration|scenarios|spark` runs one suite, the last only so; further arguments go to vitest.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { root, setUp } from "./setup.mjs";

const results = join(root, "test-results");
const limitMs = 30 * 60_000;
/** Suites of one group run mixed: none waits for the last file of another. */
const groups = [["unit", "simulation"], ["integration"], ["scenarios"]];
/** Takes minutes and 900 MB: only when it is named. */
const named = ["spark"];
/** These share nothing, so every core takes part; of the others, which share real servers and mostly wait, two files run at a time. */
const parallel = ["unit", "simulation"];
const fetchScript = join(root, "infra", "dist", "local", "fetch-outside.js");

const { only, rest } = options(process.argv.slice(2));
setUp();
rmSync(results, { recursive: true, force: true });
mkdirSync(results);
// What the suites on real servers need to be downloaded or built comes in while the first group runs.
const fetched = only === undefined ? node(fetchScript, []) : Promise.resolve();

const totals = { passed: 0, failed: 0 };
const skipped = [];
if (only === undefined)
  await check("format and lint", module("@biomejs", "biome", "bin", "biome"), [
    "check",
    "--error-on-warnings",
    ".",
  ]);
count("types", true); // setUp() has just built everything or ended the process.
for (const group of only === undefined ? groups : [[only]]) {
  if (group.includes("integration")) await fetched;
  await runSuites(group);
}

if (skipped.length > 0) console.log(`\nNot run on this machine:\n${skipped.join("\n")}`);
const line = `${totals.passed} passed, ${totals.failed} failed`;
writeFileSync(join(results, "totals.txt"), `${line}\n`);
console.log(`\n${line}`);
process.exitCode = totals.failed === 0 ? 0 : 1;

async function check(name, script, args) {
  console.log(`\n── ${name}`);
  count(name, (await node(script, args)) === 0);
}

async function runSuites(group) {
  console.log(`\n── ${group.join(", ")}`);
  const file = join(results, `${group.join("-")}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const isParallel = group.every((suite) => parallel.includes(suite));
  const code = await node(module("vitest", "vitest.mjs"), [
    "run",
    ...group.flatMap((suite) => ["--project", suite]),
    ...reporters,
    `--maxWorkers=${isParallel ? availableParallelism() : 2}`,
    ...rest,
  ]);
  const report = readReport(file);
  totals.passed += report.numPassedTests;
  totals.failed += report.numFailedTests;
  for (const { name, assertionResults } of report.testResults)
    for (const { status, fullName } of assertionResults)
      if (status === "pending" || status === "skipped")
        skipped.push(`  ${relative(root, name)}: ${fullName}`);
  // A suite that could not even be loaded, or whose servers are missing, fails without a failed test.
  if (code !== 0 && report.numFailedTests === 0) count(`${group.join(", ")} (exit ${code})`, false);
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}

function count(name, passed) {
  totals[passed ? "passed" : "failed"] += 1;
  console.log(`${passed ? "✓" : "✗"} ${name}`);
}

/** A script of a dependency. */
function module(...path) {
  return join(root, "node_modules", ...path);
}

/** Runs a script; a run over the limit is killed and failed. */
function node(script, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      stdio: "inherit",
    });
    const timer = setTimeout(() => {
      console.error(`Ended after ${limitMs / 60_000} minutes.`);
      child.kill("SIGKILL");
    }, limitMs);
    child.on("exit", (code) => {
      clearTimeout(timer);
      resolve(code ?? 1);
    });
  });
}

function options(args) {
  const at = args.indexOf("--only");
  if (at < 0) return { only: undefined, rest: args };
  const only = args[at + 1];
  const suites = [...groups.flat(), ...named];
  if (!suites.includes(only)) {
    console.error(`--only ${only}: must be one of ${suites.join(", ")}`);
    process.exit(2);
  }
  return { only, rest: args.toSpliced(at, 2) };
}
