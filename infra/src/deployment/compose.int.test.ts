import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheFolder } from "../local/cache-folder.ts";
import { freePorts } from "../local/free-ports.ts";
import { kafkaVersion, versitygwVersion } from "../local/index.ts";
import { startKept } from "../local/kept-process.ts";
import { readCompose } from "./compose-file.ts";

// What the images run, run without Docker: both programs are in the cache when the tests started them by Maven and Go.
const jars = join(cacheFolder(), `kafka-${kafkaVersion}`);
const versitygw = join(cacheFolder(), `versitygw-${versitygwVersion}`, "versitygw");
const compose = readCompose({ API_TOKEN: "token" });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "compose-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const environmentOf = (service: string) =>
  Object.fromEntries(
    Object.entries(compose.services[service]?.environment ?? {}).map(([name, value]) => [
      name,
      String(value),
    ]),
  );

describe("the start of an image, as docker-compose.yml sets it", () => {
  it.skipIf(!existsSync(jars))("is accepted by the broker's own set-up", () => {
    for (const name of ["defaults", "mounted", "final"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "defaults", "server.properties"), "process.roles=broker\n");
    for (const name of ["log4j2.yaml", "tools-log4j2.yaml"]) {
      writeFileSync(join(folder, "defaults", name), "");
    }
    const set = spawnSync(
      "java",
      [
        ...["-cp", join(jars, "*"), "kafka.docker.KafkaDockerWrapper", "setup"],
        ...["--default-configs-dir", join(folder, "defaults")],
        ...["--mounted-configs-dir", join(folder, "mounted")],
        ...["--final-configs-dir", join(folder, "final")],
      ],
      {
        encoding: "utf8",
        env: {
          PATH: process.env["PATH"],
          ...environmentOf("kafka"),
          KAFKA_LOG_DIRS: join(folder, "data"),
        },
      },
    );
    expect(`${set.stdout}${set.stderr}`).toContain("Formatting metadata directory");
    expect(set.status).toBe(0);
    const properties = readFileSync(join(folder, "final", "server.properties"), "utf8").split("\n");
    expect(properties).toEqual(
      expect.arrayContaining([
        "process.roles=broker,controller",
        "advertised.listeners=INSIDE://kafka:19092,OUTSIDE://127.0.0.1:9092",
        "auto.create.topics.enable=false",
      ]),
    );
  });

  it.skipIf(!existsSync(versitygw))(
    "gives an S3 server that answers its health check",
    async () => {
      const [shell, flag, script] = compose.services["s3"]?.entrypoint ?? [];
      const [port] = await freePorts(1);
      const data = join(folder, "data");
      mkdirSync(data);
      const server = await startKept({
        command: shell ?? "",
        args: [
          flag ?? "",
          (script ?? "").replaceAll("/data", data).replace("exec versitygw", `exec ${versitygw}`),
        ],
        env: { ...environmentOf("s3"), VGW_PORT: `127.0.0.1:${port}` },
        logFile: join(folder, "log"),
        remove: [data],
      });
      const path = /http:\/\/127\.0\.0\.1:7070(\S*)$/.exec(
        compose.services["s3"]?.healthcheck?.test[1] ?? "",
      )?.[1];
      const answer = await vi.waitFor(() => fetch(`http://127.0.0.1:${port}${path}`), 15_000);
      expect(answer.status).toBe(200);
      expect(existsSync(join(data, "thulium"))).toBe(true);
      await server.stop();
    },
  );
});
