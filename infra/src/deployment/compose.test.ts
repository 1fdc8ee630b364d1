import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { kafkaImage, versitygwImage } from "../local/index.ts";
import { type ComposeService, composeText, readCompose, root } from "./compose-file.ts";

/** The subcommands that run as a service (ARCHITECTURE.md, "The command"). */
const serviceCommands = ["run", "extractor", "lake-writer", "metrics", "sandbox"];

const compose = readCompose({ API_TOKEN: "token" });
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);

/** Names of the table that every setting stands in. */
const settings = new Set(
  [
    ...readFileSync(`${root}packages/runtime/src/settings/setting-table.ts`, "utf8").matchAll(
      /^ {2}([A-Z][A-Z0-9_]+): (?:setting|secret)\(/gm,
    ),
  ].map(([, name]) => name),
);

describe("docker-compose.yml", () => {
  it("runs the four services, each by its subcommand of the one image", () => {
    expect(ours.map(([name]) => name)).toEqual(["extractor", "lake-writer", "metrics", "sandbox"]);
    for (const [name, { command, image, build }] of ours) {
      expect(command).toEqual([name]);
      expect(serviceCommands).toContain(command?.[0]);
      expect(image).toBe("thulium-stream");
      expect(existsSync(`${root}${build?.dockerfile}`)).toBe(true);
    }
  });

  it("sets nothing that is no setting, and lets the outside set nothing else", () => {
    expect(settings.size).toBeGreaterThan(30);
    for (const [, { environment }] of ours) {
      expect(Object.keys(environment).filter((name) => !settings.has(name))).toEqual([]);
    }
    const variables = [...composeText().matchAll(/\$\{(\w+)/g)].map(([, name]) => name ?? "");
    const foreign = variables.filter(
      (name) => !settings.has(name) && !name.startsWith("LOCAL_S3_"),
    );
    expect(foreign).toEqual([]);
  });

  it("says what is missing when no token is given, since services listen on all addresses inside", () => {
    expect(() => readCompose({})).toThrow(/API_TOKEN: Set API_TOKEN/);
    for (const [, { environment }] of ours) {
      expect(environment).toMatchObject({ HTTP_HOST: "0.0.0.0", API_TOKEN: "token" });
    }
  });

  it.each(services)("publishes ports of %s to this machine only", (_name, { ports = [] }) => {
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
  });

  it.each(services)("checks the health of %s", (_name, { healthcheck }) => {
    expect(healthcheck?.test.length).toBeGreaterThan(1);
  });

  it.each(ours)("asks %s at its own port whether it is ready", (_name, service) => {
    const port = service.environment["HTTP_PORT"];
    expect(service.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    const [kind, node, flag, script] = service.healthcheck?.test ?? [];
    expect([kind, node, flag]).toEqual(["CMD", "node", "-e"]);
    expect(script).toContain("/readyz");
    const asked = spawnSync("node", ["-e", script ?? ""], {
      env: { ...process.env, HTTP_PORT: "1" },
    });
    expect(asked.status).toBe(1);
  });

  it("uses the broker and the S3 server that the tests use", () => {
    expect(compose.services["kafka"]?.image).toBe(kafkaImage);
    expect(compose.services["s3"]?.image).toBe(versitygwImage);
  });

  it("points the services at what it starts, with the same keys, and waits until that is healthy", () => {
    const s3 = compose.services["s3"]?.environment;
    for (const [name, service] of ours.filter(([each]) => each !== "sandbox")) {
      expect([name, service.environment]).toEqual([
        name,
        expect.objectContaining({
          EVENT_LOG_URL: "kafka://kafka:19092",
          S3_ENDPOINT: "http://s3:7070",
          LAKE_URL: expect.stringMatching(/^s3:\/\/thulium\//),
          AWS_ACCESS_KEY_ID: s3?.["ROOT_ACCESS_KEY"],
          AWS_SECRET_ACCESS_KEY: s3?.["ROOT_SECRET_KEY"],
          AWS_REGION: s3?.["VGW_REGION"],
        }),
      ]);
      expect(service.depends_on).toEqual({
        kafka: { condition: "service_healthy" },
        s3: { condition: "service_healthy" },
      });
    }
    expect(advertised(compose.services["kafka"])).toContain("INSIDE://kafka:19092");
  });

  it("keeps state in volumes that it declares, where the services write", () => {
    for (const [, { volumes = [] }] of services) {
      for (const volume of volumes) {
        expect(Object.keys(compose.volumes)).toContain(volume.split(":")[0]);
      }
    }
    for (const [, { volumes, environment }] of ours) {
      expect(volumes?.[0]?.split(":")[1]).toBe("/app/data");
      expect(environment["STATE_DIR"]).toBe("/app/data/state");
    }
  });

  const hasCompose = spawnSync("docker", ["compose", "version"]).status === 0;
  it.skipIf(!hasCompose)("is accepted by docker compose", () => {
    const checked = spawnSync("docker", ["compose", "--profile", "sandbox", "config", "--quiet"], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, API_TOKEN: "token" },
    });
    expect(checked.stderr).toBe("");
    expect(checked.status).toBe(0);
  });
});

describe("the image", () => {
  const dockerfile = readFileSync(`${root}infra/docker/Dockerfile`, "utf8");
  const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

  it("starts the command as an ordinary user, in exec form so that signals reach it", () => {
    const entry = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]";
    expect(JSON.parse(entry)).toEqual(["node", "packages/cli/bin/thulium-stream.mjs"]);
    expect(existsSync(`${root}packages/cli/bin/thulium-stream.mjs`)).toBe(true);
    expect(dockerfile.lastIndexOf("USER node")).toBeGreaterThan(dockerfile.lastIndexOf("FROM "));
  });

  it("installs by the pnpm that package.json pins, from the frozen lockfile, on a Node that is supported", () => {
    expect(manifest.packageManager).toMatch(/^pnpm@\d+\.\d+\.\d+$/);
    const installs = dockerfile.match(/install --(prod --)?frozen-lockfile/g);
    expect(installs).toHaveLength(2);
    expect(dockerfile.match(/packageManager/g)).toHaveLength(2);
    expect(dockerfile.match(/^FROM \S+/gm)).toEqual(["FROM node:20-slim", "FROM node:20-slim"]);
    expect(manifest.engines.node).toBe(">=20.19");
  });

  it("is built from what installing and building need, and from nothing that was built here", () => {
    const lines = readFileSync(`${root}.dockerignore`, "utf8").split("\n");
    expect(lines[lines.findIndex((line) => !line.startsWith("#"))]).toBe("**");
    const needed = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc"];
    const folders = ["patches", "packages", "services", "infra", "test"];
    for (const path of [...needed, "tsconfig.json", "tsconfig.base.json", ...folders]) {
      expect(lines).toContain(`!${path}`);
      expect(existsSync(`${root}${path}`)).toBe(true);
    }
    for (const path of ["node_modules", "dist", "data", ".env"]) {
      expect(lines).toContain(`**/${path}`);
    }
  });
});

function advertised(service: ComposeService | undefined): string {
  return String(service?.environment["KAFKA_ADVERTISED_LISTENERS"]);
}
