import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import type { S3Address } from "@thulium-stream/kit/real-servers";
import { cached } from "./cache-folder.ts";
import { freePorts } from "./free-ports.ts";
import { startKept, untilReady } from "./kept-process.ts";
import { dockerAnswers, lastLines, runCommand } from "./run-command.ts";
import { ServerMissing } from "./server-missing.ts";

/** The VersityGW version that is started and tested against. */
export const versitygwVersion = "v1.8.0";

/** The image of the same version. */
export const versitygwImage = `versity/versitygw:${versitygwVersion}`;

/** An S3 server to use. */
export interface S3Server extends S3Address {
  /** The version started here; null for a given address. */
  readonly version: string | null;
  /** Where it comes from. */
  readonly from: "given" | "docker" | "go";
  /** Process id of the server (of the Docker client when `from` is `docker`); null for a given address. */
  readonly pid: number | null;
  /** Makes a bucket; one that is there already and ours is fine. */
  createBucket(name: string): Promise<void>;
  /** Makes a user, who may do nothing until a bucket's policy allows it. Returns the address with their keys; null where users cannot be made: on a server that is given or in Docker. */
  createUser(name: string): Promise<S3Address | null>;
  /** Ends the server and removes its data; does nothing to a given one. Idempotent. */
  stop(): Promise<void>;
}

/**
 * A real S3 server with conditional writes: the one at `S3_ENDPOINT` with `AWS_ACCESS_KEY_ID`,
 * `AWS_SECRET_ACCESS_KEY` and `AWS_REGION` (default `us-east-1`) when set, else a new VersityGW by Docker when
 * its daemon answers, else a new one built by Go (once, into the cache). A new one listens on 127.0.0.1 on a
 * free port, has its own keys and a temporary folder, and ends with this process.
 * @throws ServerMissing saying what is not there; Error with the server's last lines when it does not come up.
 */
export async function startS3(): Promise<S3Server> {
  const endpoint = process.env["S3_ENDPOINT"];
  if (endpoint) return givenS3(endpoint);
  const from = (await dockerAnswers()) ? "docker" : "go";
  const binary = from === "go" ? await versitygwBinary() : "";
  const [port] = (await freePorts(1)) as [number];
  const folder = await mkdtemp(join(tmpdir(), "thulium-stream-s3-"));
  const [data, users] = [join(folder, "data"), join(folder, "users")];
  await Promise.all([mkdir(data), mkdir(users)]);
  const address: S3Address = {
    endpoint: `http://127.0.0.1:${port}`,
    accessKeyId: "thulium",
    secretAccessKey: randomUUID(),
    region: "us-east-1",
  };
  // By environment, so that the secret is not in the process list.
  const keys = {
    ROOT_ACCESS_KEY: address.accessKeyId,
    ROOT_SECRET_KEY: address.secretAccessKey,
    VGW_REGION: address.region,
  };
  const name = `thulium-stream-s3-${port}`;
  const server = await startKept({
    command: from === "go" ? binary : "docker",
    args:
      from === "go"
        ? ["--port", `127.0.0.1:${port}`, "--quiet", "--iam-dir", users, "posix", data]
        : [
            ...["run", "--rm", "--name", name, "-p", `127.0.0.1:${port}:7070`],
            ...Object.keys(keys).flatMap((key) => ["-e", key]),
            ...[versitygwImage, "--port", ":7070", "posix", "/tmp"],
          ],
    env: keys,
    logFile: join(folder, "server.log"),
    remove: [folder],
    afterwards: from === "go" ? [] : [["docker", "rm", "-f", name]],
  });
  const timeoutMs = from === "docker" ? 300_000 : 30_000;
  await untilReady(server, "The S3 server", () => probe(address), timeoutMs);
  return {
    ...address,
    version: versitygwVersion,
    from,
    pid: server.pid,
    createBucket: (bucket) => createBucket(address, bucket),
    createUser: async (user) => (from === "go" ? await createUser(binary, address, user) : null),
    stop: () => server.stop(),
  };
}

/** Has the program of the S3 server there, so that a later start need not fetch it; does nothing where another one is used. @throws ServerMissing. */
export async function fetchS3(): Promise<void> {
  if (process.env["S3_ENDPOINT"] || (await dockerAnswers())) return;
  await versitygwBinary();
}

async function givenS3(endpoint: string): Promise<S3Server> {
  const address: S3Address = {
    endpoint,
    accessKeyId: process.env["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: process.env["AWS_SECRET_ACCESS_KEY"] ?? "",
    region: process.env["AWS_REGION"] || "us-east-1",
  };
  await probe(address).catch((error: unknown) => {
    throw new ServerMissing(
      "S3 server",
      `S3_ENDPOINT=${endpoint} does not let us in (${String(error)}).`,
      "Start it, correct the address, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or unset S3_ENDPOINT to have one started here.",
    );
  });
  return {
    ...address,
    version: null,
    from: "given",
    pid: null,
    createBucket: (bucket) => createBucket(address, bucket),
    createUser: async () => null,
    stop: async () => {},
  };
}

function clientOf(address: S3Address): S3Client {
  return new S3Client({
    endpoint: address.endpoint,
    region: address.region,
    forcePathStyle: true,
    credentials: { accessKeyId: address.accessKeyId, secretAccessKey: address.secretAccessKey },
    maxAttempts: 1,
  });
}

async function probe(address: S3Address): Promise<void> {
  const client = clientOf(address);
  try {
    await client.send(new ListBucketsCommand({}), { requestTimeout: 5_000 });
  } finally {
    client.destroy();
  }
}

async function createBucket(address: S3Address, bucket: string): Promise<void> {
  const client = clientOf(address);
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if ((error as Error).name !== "BucketAlreadyOwnedByYou") throw error;
  } finally {
    client.destroy();
  }
}

async function createUser(binary: string, address: S3Address, name: string): Promise<S3Address> {
  const user = { ...address, accessKeyId: name, secretAccessKey: randomUUID() };
  const { ok, output } = await runCommand(
    binary,
    [
      ...["admin", "--endpoint-url", address.endpoint, "create-user", "--role", "user"],
      ...["--access", user.accessKeyId, "--secret", user.secretAccessKey],
    ],
    {
      env: {
        ...process.env,
        ADMIN_ACCESS_KEY: address.accessKeyId,
        ADMIN_SECRET_KEY: address.secretAccessKey,
      },
      timeoutMs: 20_000,
    },
  );
  if (!ok) throw new Error(`making the user ${name} failed:\n${lastLines(output)}`);
  return user;
}

/** The cached executable, built by `go install` the first time. */
async function versitygwBinary(): Promise<string> {
  const go = await runCommand("go", ["version"], { timeoutMs: 20_000 });
  const folder = await cached(`versitygw-${versitygwVersion}`, async (draft) => {
    const wanted =
      "Set S3_ENDPOINT with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of a server with conditional writes, start Docker, or install Go 1.25 or later.";
    if (!go.ok) {
      const reason = "S3_ENDPOINT is not set, no Docker daemon answers, and there is no Go.";
      throw new ServerMissing("S3 server", reason, wanted);
    }
    process.stderr.write(`Building VersityGW ${versitygwVersion} by Go (once, about a minute) …\n`);
    const { ok, output } = await runCommand(
      "go",
      ["install", `github.com/versity/versitygw/cmd/versitygw@${versitygwVersion}`],
      { env: { ...process.env, GOBIN: draft }, timeoutMs: 900_000 },
    );
    if (ok) return;
    const reason = `S3_ENDPOINT is not set, no Docker daemon answers, and Go could not build the server:\n${lastLines(output)}\n`;
    throw new ServerMissing("S3 server", reason, wanted);
  });
  return join(folder, "versitygw");
}
