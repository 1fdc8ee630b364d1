import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { type Clock, Failure } from "@thulium-stream/contracts";
import { deadlineMsOf, withDeadline } from "./deadline.ts";

/** Time to open a connection, in milliseconds. */
const connectMs = 5_000;

/** Time that a socket may stay silent within a request, in milliseconds. */
const silenceMs = 30_000;

/** Keys of S3. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** How to reach an S3 server; all have the SDK's own defaults (environment, profile, instance role). */
export interface S3Settings {
  /** Address of a server that is not Amazon's, such as `http://127.0.0.1:7070`. */
  readonly endpoint?: string;
  /** Default: the SDK's; `us-east-1` when an endpoint is given. */
  readonly region?: string;
  readonly credentials?: S3Credentials;
  /** Puts the bucket into the path instead of the host name. Default: true when an endpoint is given. */
  readonly forcePathStyle?: boolean;
}

/** One client of the SDK, with deadlines and without the SDK's retries. */
export class S3Connection {
  readonly #client: S3Client;
  readonly #clock: Clock;
  #closed = false;

  constructor(settings: S3Settings, clock: Clock) {
    this.#client = new S3Client(configOf(settings));
    this.#clock = clock;
  }

  /** Runs one request that moves `bytes`; aborts it at its deadline. @throws what the SDK throws, or `Closed`. */
  async request<T>(
    bytes: number,
    send: (client: S3Client, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    this.checkOpen();
    return await withDeadline(this.#clock, deadlineMsOf(bytes), (abortSignal) =>
      send(this.#client, { abortSignal }),
    );
  }

  /** @throws Failure `Closed` after {@link close}. */
  checkOpen(): void {
    if (this.#closed) throw new Failure("Closed", "the object store is closed");
  }

  /** Closes its sockets. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#client.destroy();
  }
}

function configOf({ endpoint, region, credentials, forcePathStyle }: S3Settings): S3ClientConfig {
  const ownServer = endpoint !== undefined;
  const regionOrDefault = region ?? (ownServer ? "us-east-1" : undefined);
  return {
    maxAttempts: 1,
    forcePathStyle: forcePathStyle ?? ownServer,
    requestHandler: { connectionTimeout: connectMs, socketTimeout: silenceMs },
    ...(ownServer ? { endpoint } : {}),
    ...(regionOrDefault === undefined ? {} : { region: regionOrDefault }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}
