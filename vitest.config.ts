import { defineConfig } from "vitest/config";

const resolve = { conditions: ["source"] };
const shared = { resolve, ssr: { resolve } };

/** Four suites: `unit` and `simulation` need nothing, `integration` a real broker and S3 server, `scenarios` the built command, too. */
export default defineConfig({
  test: {
    // The AWS SDK's notice about Node versions that it will need later.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: ["{packages,services,test}/*/src/**/*.test.ts", "infra/src/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "**/dist/**",
            "**/*.int.test.ts",
            "test/{scenarios,simulation}/**",
          ],
          testTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: "integration",
          include: [
            "{packages,services,test}/*/src/**/*.int.test.ts",
            "infra/src/**/*.int.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/dist/**", "test/scenarios/**"],
          globalSetup: ["./infra/src/local/vitest-servers.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        ...shared,
        test: {
          name: "simulation",
          include: ["test/simulation/src/**/*.test.ts"],
          testTimeout: 120_000,
        },
      },
      {
        ...shared,
        test: {
          name: "scenarios",
          include: ["test/scenarios/src/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**", "test/scenarios/src/spark.test.ts"],
          globalSetup: ["./infra/src/local/vitest-servers.ts"],
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
      {
        ...shared,
        test: {
          name: "spark",
          include: ["test/scenarios/src/spark.test.ts"],
          testTimeout: 900_000,
        },
      },
    ],
  },
});
