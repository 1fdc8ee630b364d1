import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import type { S3Address } from "@thulium-stream/kit/real-servers";
import { newId } from "@thulium-stream/runtime";

/** Makes a bucket of its own for a test and returns its name. */
export async function makeBucket(s3: S3Address): Promise<string> {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  const bucket = `lake-${newId()}`.toLowerCase().replace(/[^a-z0-9-]/g, "-");
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    return bucket;
  } finally {
    client.destroy();
  }
}
