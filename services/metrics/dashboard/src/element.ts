/** What {@link h} sets beside children. */
export interface Made {
  readonly class?: string;
  /** Attributes; null leaves one out; false does too and true sets it empty, but for `aria-` ones, where both are words. */
  readonly attributes?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
}

type Child = Node | string | null;

/** Makes an element. Text becomes text nodes, never markup: subjects and names are written by strangers. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  made: Made | string | null = null,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  const options = typeof made === "string" ? { class: made } : made;
  equip(element, options);
  append(element, children);
  return element;
}

const svgSpace = "http://www.w3.org/2000/svg";

/** Makes an element of a drawing. */
export function svg(
  tag: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly Child[]
): SVGElement {
  const element = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  append(element, children);
  return element;
}

/** An element of the page. @throws Error when the page has none of this id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
}

function equip(element: HTMLElement, made: Made | null): void {
  if (made?.class !== undefined) element.className = made.class;
  for (const [name, value] of Object.entries(made?.attributes ?? {}))
    if (value === true && !name.startsWith("aria-")) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && (value !== false || name.startsWith("aria-")))
      element.setAttribute(name, String(value));
  for (const [name, listener] of Object.entries(made?.on ?? {}))
    element.addEventListener(name, listener);
}

function append(element: Element, children: readonly Child[]): void {
  element.append(...children.filter((child): child is Node | string => child !== null));
}
