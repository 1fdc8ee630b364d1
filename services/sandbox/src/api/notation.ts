import { mix } from "../population/draw.ts";
import { minuteText, secondText } from "./naive-time.ts";
import type { Switches } from "./switches.ts";

/** How one answer writes ids, stamps and "no value". A fresh one per ticket; `field` numbers keep the choices apart. */
export interface Notation {
  /** Id that the vendor's page shows as a number or as text. */
  id(value: number, documented: "int" | "string", field: number): number | string;
  /** `undefined` leaves the key out. */
  none(field: number): "" | null | undefined;
  stamp(wallS: number, field: number): string;
}

/** The one notation of the truth: ids as text, null, minutes. */
export const canonicalNotation: Notation = {
  id: (value) => String(value),
  none: () => null,
  stamp: minuteText,
};

/** The notation of an answer, as the switches say. `salt` differs with every request. */
export function notationOf(switches: Switches, number: number, salt: number): Notation {
  const { id_types, no_value, stamps } = switches;
  return {
    id: (value, documented, field) => {
      if (id_types === "as_doc") return documented === "int" ? value : String(value);
      if (id_types === "random")
        return mix(mix(salt, number), field) % 2 === 0 ? value : String(value);
      return id_types === "all_int" ? value : String(value);
    },
    none: (field) => {
      if (no_value === "null") return null;
      if (no_value === "empty") return "";
      if (no_value === "absent") return undefined;
      const draw = mix(no_value === "random" ? mix(salt, number) : number, field) % 3;
      return draw === 0 ? null : draw === 1 ? "" : undefined;
    },
    stamp: (wallS, field) => {
      const seconds =
        stamps === "seconds" || (stamps === "random" && mix(mix(salt, number), field) % 2 === 0);
      return seconds ? secondText(wallS) : minuteText(wallS);
    },
  };
}
