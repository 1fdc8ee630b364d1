/** What PHP makes of a query: text, or an ordered map for anything written with brackets. */
export type PhpValue = string | PhpArray;

/** PHP's array as `parse_str` fills it: ordered, integer-like keys counted for `[]`. */
export class PhpArray {
  readonly entries = new Map<string, PhpValue>();
  #nextIndex = 0;

  set(key: string, value: PhpValue): void {
    this.entries.set(key, value);
    if (/^(0|[1-9]\d{0,14})$/.test(key))
      this.#nextIndex = Math.max(this.#nextIndex, Number(key) + 1);
  }

  push(value: PhpValue): void {
    this.set(String(this.#nextIndex), value);
  }

  /** The values in order, as `array_values` gives them. */
  values(): PhpValue[] {
    return [...this.entries.values()];
  }
}

/** PHP's default `max_input_vars`: later pairs are dropped. */
const maxPairs = 1000;

/**
 * Parses a query string as PHP does for `$_GET` (thulium-api.md §2; php_register_variable_ex): the last scalar
 * wins, `a[]` appends, spaces and dots of a top-level name become `_`, an unclosed bracket becomes `_`,
 * a key ends at its first `]` and what follows it is dropped.
 */
export function parsePhpQuery(query: string): Map<string, PhpValue> {
  const root = new PhpArray();
  for (const pair of query
    .split("&")
    .filter((part) => part !== "")
    .slice(0, maxPairs)) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    register(root, urlDecode(name), equals < 0 ? "" : urlDecode(pair.slice(equals + 1)));
  }
  return root.entries;
}

function register(root: PhpArray, rawName: string, value: string): void {
  const name = rawName.replace(/^ +/, "").replace(/\0.*$/s, "");
  const bracket = name.indexOf("[");
  const head = (bracket < 0 ? name : name.slice(0, bracket)).replace(/[ .]/g, "_");
  if (head === "") return;
  let target = root;
  let key: string | null = head;
  let at = bracket;
  while (at >= 0 && name[at] === "[") {
    const empty = /^\s?\]/.exec(name.slice(at + 1));
    const close = empty === null ? name.indexOf("]", at + 1) : at + empty[0].length;
    if (close < 0) {
      // Only a first bracket is given back to the name; a later one is dropped with all behind it.
      if (at === bracket) key = `${head}_${name.slice(at + 1)}`.replace(/[ .[]/g, "_");
      break;
    }
    target = descend(target, key);
    key = empty === null ? name.slice(at + 1, close) : null;
    at = close + 1;
  }
  if (key === null) target.push(value);
  else target.set(key, value);
}

/** The array under `key`; a scalar that stands there is replaced. */
function descend(array: PhpArray, key: string | null): PhpArray {
  const held = key === null ? undefined : array.entries.get(key);
  if (held instanceof PhpArray) return held;
  const fresh = new PhpArray();
  if (key === null) array.push(fresh);
  else array.set(key, fresh);
  return fresh;
}

/** PHP's `urldecode`: `+` is a space, a `%` without two hex digits stays. */
function urlDecode(text: string): string {
  const spaced = text.replaceAll("+", " ");
  if (!spaced.includes("%")) return spaced;
  return spaced.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"),
  );
}
