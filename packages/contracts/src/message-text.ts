import { encodeText } from "./encode-text.ts";
import { hashId } from "./hash-id.ts";
import type { Message } from "./ticket.ts";

/** What is made of a message once, for the comparison, its event and its state. */
export interface MessageText {
  /** JSON of what the source says of it, stamps and ratings left out: an object left open, as UTF-8. */
  readonly content: Uint8Array;
  /** Content hash: {@link content} and the minute in which it was written. */
  readonly hash: string;
}

/** A normalised message never changes, and most of a page's bytes are bodies: each is put into JSON once. */
const texts = new WeakMap<Message, MessageText>();

/** The content of a message as JSON, and its hash; equal for equal content. */
export function messageText(message: Message): MessageText {
  const known = texts.get(message);
  if (known !== undefined) return known;
  const json = JSON.stringify({
    system: message.system,
    ticket_id: message.ticket_id,
    message_id: message.message_id,
    user_login: message.user_login,
    type: message.type,
    body: message.body,
    comment: message.comment,
    system_comment: message.system_comment,
    attachments: message.attachments,
    extra: message.extra,
  });
  const minute = `${message.created_at_raw?.slice(0, 16)}`;
  const hashed = encodeText(json.slice(0, -1), minute);
  const content = hashed.subarray(0, hashed.length - Buffer.byteLength(minute));
  const text = { content, hash: hashId(hashed) };
  texts.set(message, text);
  return text;
}

/** JSON of a message and, in the same object, of what else is known, in the parts that it is put together of. */
export function jsonOfMessage(
  message: Message,
  more: object = {},
): readonly (string | Uint8Array)[] {
  const { created_at, created_at_raw, ratings } = message;
  const rest = JSON.stringify({ created_at, created_at_raw, ratings, ...more });
  return [messageText(message).content, ",", rest.slice(1)];
}
