import { Draw, mix } from "./draw.ts";
import { phrases } from "./phrases.ts";
import type { FoldedMessage } from "./ticket-fold.ts";

const purposes = { subject: 31, from: 32, body: 1000 } as const;
const draw = new Draw();
const maxSentences = 26;

/** Subject of ticket `number`; one in sixty has none. */
export function subjectOf(seed: number, number: number): string {
  draw.reset(seed, number, purposes.subject);
  if (draw.chance(1 / 60)) return "";
  const subject = draw.pick(phrases.subjects);
  return draw.chance(0.3) ? `${subject} [${1000 + draw.below(90_000)}]` : subject;
}

/** Who wrote first: an address, a name with an address, a phone number, or nobody known. */
export function fromOf(seed: number, number: number, source: string): string {
  draw.reset(seed, number, purposes.from);
  const digits = 500_000_000 + draw.below(300_000_000);
  if (source === "phone" || source === "sms")
    return draw.chance(0.5) ? `+48${digits}` : String(digits);
  if (draw.chance(0.03)) return "";
  const address = `klient${draw.below(40_000)}@${draw.pick(phrases.hosts)}`;
  return draw.chance(0.4) ? `${draw.pick(phrases.names)} <${address}>` : address;
}

/** Body of a message: some 750 bytes on average, one in five as HTML, one in eight in another script. */
export function bodyOf(seed: number, number: number, message: FoldedMessage): string {
  draw.reset(seed, number, purposes.body + message.seq * 64 + (message.edits & 63));
  const voice =
    message.type === 0 ? phrases.customer : message.type === 1 ? phrases.agent : phrases.comment;
  const short = message.type === 2 || draw.chance(0.2);
  const sentences = short
    ? 1 + draw.below(3)
    : 3 + Math.min(maxSentences, Math.floor(draw.wait(8.6)));
  const html = message.type !== 2 && draw.chance(0.2);
  let text = "";
  for (let i = 0; i < sentences; i++) {
    const sentence = draw.chance(0.05) ? draw.pick(phrases.other) : draw.pick(voice);
    if (html) text += i % 3 === 0 ? `${i > 0 ? "</p>" : ""}<p>${sentence}` : ` ${sentence}`;
    else text += i === 0 ? sentence : i % 4 === 0 ? `\r\n\r\n${sentence}` : ` ${sentence}`;
  }
  if (html) {
    text = `<div style="font-family: Arial, sans-serif; font-size: 12px">${text}</p><br />--<br /><a href="https://www.example.com/?u=${number}&amp;m=${message.seq}">${draw.pick(phrases.names)}</a></div>`;
  } else if (draw.chance(0.25)) {
    text += `\r\n\r\n> ${draw.pick(phrases.agent)}\r\n> ${draw.pick(phrases.customer)}`;
  }
  return message.edits > 0 ? `${text}\r\n[edytowano: ${message.edits}]` : text;
}

/** File tokens of a message: opaque text; some look like numbers. */
export function attachmentsOf(seed: number, number: number, message: FoldedMessage): string[] {
  if (message.type === 2) return [];
  draw.reset(seed, number, purposes.body + message.seq * 64 + 63);
  if (!draw.chance(0.16)) return [];
  return Array.from({ length: 1 + draw.below(3) }, () =>
    token(draw.next(), draw.next(), draw.next()),
  );
}

function token(a: number, b: number, c: number): string {
  const shape = a % 10;
  if (shape === 0)
    return `${1_000_000_000 + (b % 999_999_999)}${1_000_000_000 + (c % 999_999_999)}12`;
  if (shape === 1) return `${1_175_982_115 + (b % 1000)}e${100_000 + (c % 899_999)}`;
  return `${hex(a)}${hex(b)}${hex(mix(c, a))}`.slice(0, 22);
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
