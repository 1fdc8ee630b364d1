/** Loaded before a command (`--import`): the S3 server never hears the condition of a PUT, as one that does not know of it. */
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const send = S3Client.prototype.send as (...args: unknown[]) => Promise<unknown>;
S3Client.prototype.send = async function sent(this: S3Client, ...args: unknown[]) {
  const [command] = args;
  if (command instanceof PutObjectCommand) delete command.input.IfNoneMatch;
  return await send.apply(this, args);
} as typeof S3Client.prototype.send;
