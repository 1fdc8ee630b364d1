import { type DeadLetter, hashId, instantOf } from "@thulium-stream/contracts";

/** A dead letter as of now. */
export function deadLetter(
  system: string,
  fields: Pick<DeadLetter, "reason" | "detail" | "stage" | "key" | "raw">,
  nowMs: number,
): DeadLetter {
  const at = instantOf(nowMs);
  return {
    system,
    letter_id: hashId(`${fields.stage}\n${fields.key}\n${fields.raw}`),
    attempts: 1,
    first_at: at,
    last_at: at,
    position: null,
    ...fields,
  };
}
