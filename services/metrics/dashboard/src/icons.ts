import { svg } from "./element.js";

const paths = {
  sun: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10ZM12 1.5v2M12 20.500v2M4.600 4.600 6 6M18 18l1.400 1.400M1.500 12h2M20.500 12h2M4.600 19.400 6 18M18 6l1.400-1.400",
  moon: "M20.500 14.200A8.700 8.700 0 0 1 9.800 3.500a8.700 8.700 0 1 0 10.700 10.700Z",
  printer:
    "M7 8V3h10v5M7 17H4.500A1.500 1.500 0 0 1 3 15.500v-6A1.500 1.500 0 0 1 4.500 8h15A1.500 1.500 0 0 1 21 9.500v6a1.500 1.500 0 0 1-1.500 1.500H17M7 14h10v7H7Z",
} as const;

/** Name of a drawing. */
export type IconName = keyof typeof paths;

/** A line drawing beside or in place of a word; its button carries the words. */
export function icon(name: IconName): SVGElement {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: 17, height: 17, class: "icon", "aria-hidden": "true" },
    svg("path", { d: paths[name] }),
  );
}
