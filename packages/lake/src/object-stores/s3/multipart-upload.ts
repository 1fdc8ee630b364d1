import { open } from "node:fs/promises";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { Failure, invariant, type Logger } from "@thulium-stream/contracts";
import { reading } from "../object-body.ts";
import type { S3Connection } from "./s3-connection.ts";

/** Size of a part, in bytes (16 MB): what an upload holds in memory. 10,000 parts make 160 GB. */
export const partBytes = 16 * 1024 * 1024;

/** What {@link uploadInParts} needs. */
export interface PartsUpload {
  readonly target: { readonly Bucket: string; readonly Key: string };
  readonly file: string;
  readonly bytes: number;
  readonly ifAbsent: boolean;
}

/**
 * Uploads a local file part by part; it appears when the last request completes it (O1). After any error the
 * parts are dropped, best effort: a bucket should have a lifecycle rule that drops unfinished uploads.
 */
export async function uploadInParts(
  upload: PartsUpload,
  connection: S3Connection,
  logger: Logger,
): Promise<void> {
  const { target, ifAbsent } = upload;
  const start = new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: "CRC32" });
  const { UploadId } = await connection.request(0, (client, options) =>
    client.send(start, options),
  );
  invariant(UploadId !== undefined, "S3 started an upload without an id");
  try {
    const Parts = await sendParts(upload, UploadId, connection);
    const complete = new CompleteMultipartUploadCommand({
      ...target,
      UploadId,
      MultipartUpload: { Parts },
      ...(ifAbsent ? { IfNoneMatch: "*" } : {}),
    });
    await connection.request(upload.bytes, (client, options) => client.send(complete, options));
  } catch (error) {
    const abort = new AbortMultipartUploadCommand({ ...target, UploadId });
    await connection
      .request(0, (client, options) => client.send(abort, options))
      .catch((reason: unknown) =>
        logger.warn(
          { key: target.Key, reason: String(reason) },
          "an unfinished upload stays behind",
        ),
      );
    throw error;
  }
}

async function sendParts(
  { target, file, bytes }: PartsUpload,
  UploadId: string,
  connection: S3Connection,
): Promise<CompletedPart[]> {
  const handle = await reading(file, () => open(file, "r"));
  try {
    const parts: CompletedPart[] = [];
    for (let from = 0; from < bytes; from += partBytes) {
      const Body = Buffer.allocUnsafe(Math.min(partBytes, bytes - from));
      const { bytesRead } = await reading(file, () => handle.read(Body, 0, Body.length, from));
      if (bytesRead !== Body.length)
        throw new Failure("Rejected", `the file ${file} became shorter while it was stored`);
      const PartNumber = parts.length + 1;
      const part = new UploadPartCommand({
        ...target,
        UploadId,
        PartNumber,
        Body,
        ContentLength: Body.length,
        ChecksumAlgorithm: "CRC32",
      });
      const { ETag, ChecksumCRC32 } = await connection.request(Body.length, (client, options) =>
        client.send(part, options),
      );
      parts.push({ PartNumber, ETag, ChecksumCRC32 });
    }
    return parts;
  } finally {
    await handle.close();
  }
}
