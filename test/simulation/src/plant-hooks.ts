import { type Edit, mutants } from "./mutants.ts";

let edits: readonly Edit[] = [];

/** Receives the mutant's name. */
export function initialize({ name }: { readonly name: string }): void {
  const mutant = mutants.find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant ${name}`);
  edits = mutant.edits;
}

interface Loaded {
  readonly source: string | Uint8Array;
}

/** Changes a module as it is loaded. @throws when the place to change is not there once: the mutant no longer fits the code. */
export async function load<T, L extends Loaded>(
  url: string,
  context: T,
  nextLoad: (url: string, context: T) => Promise<L>,
): Promise<L> {
  const loaded = await nextLoad(url, context);
  const own = edits.filter(({ file }) => url.endsWith(`/${file}`));
  if (own.length === 0) return loaded;
  let source = String(Buffer.from(loaded.source as Uint8Array));
  for (const { file, find, replace } of own) {
    const places = source.split(find).length - 1;
    if (places !== 1) throw new Error(`${file} holds ${places} times: ${find}`);
    source = source.replace(find, () => replace);
  }
  return { ...loaded, source };
}
