import type { WorldKind } from "./world-plan.ts";

/** One place of the built code that is changed. */
export interface Edit {
  /** Built file below the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A mistake that the simulation must catch: how a generic tool, or a hasty hand, would do it. */
export interface Mutant {
  readonly name: string;
  readonly mistake: string;
  readonly edits: readonly Edit[];
  /** The kind of world in which it shows soonest. Default `plain`. */
  readonly world?: WorldKind;
}

const extractor = (file: string) => `services/extractor/dist/${file}.js`;
const api = (file: string) => `packages/thulium-api/dist/${file}.js`;

/** Bounds as they were wanted: several mistakes are forgiven by the minute that is asked for beyond. */
const exactBounds: Edit = {
  file: api("sent-bounds"),
  find: "const { created, updated } = request;",
  replace: "const { created, updated } = {};",
};

/** Every planted mistake. */
export const mutants: readonly Mutant[] = [
  {
    name: "offset-paging",
    mistake: "the next page starts at the next offset, as generic tools do it",
    edits: [
      {
        file: extractor("read-window"),
        find: "place = { from: step.from, skip: 0, known: Math.max(0, known), limit };",
        replace: "place = { ...place, skip: place.skip + answer.received };",
      },
    ],
  },
  {
    name: "greater-than-cursor",
    mistake: "the next page starts after the last row's minute",
    edits: [
      exactBounds,
      {
        file: extractor("read-window"),
        find: "place = { from: step.from, skip: 0, known: Math.max(0, known), limit };",
        replace: "place = { from: addMinutes(step.from, 1), skip: 0, known: 0, limit };",
      },
    ],
  },
  {
    name: "naive-watermark",
    mistake: "the watermark is turned into text as if no hour came twice",
    edits: [
      {
        file: extractor("live-sweep"),
        find: "wallClock.earliestText(sealedMs, Math.max(sealedMs, nowMs))",
        replace: "wallClock.toText(sealedMs)",
      },
    ],
  },
  {
    name: "no-settle-delay",
    mistake: "a sweep seals everything up to its start",
    edits: [
      exactBounds,
      {
        file: extractor("live-sweep"),
        find: "const settledMs = startedMs - Math.max(settleDelayMs, minuteMs);",
        replace: "const settledMs = startedMs;",
      },
    ],
  },
  {
    name: "own-clock",
    mistake: "what is past is decided by our clock alone",
    edits: [
      {
        file: extractor("asker"),
        find: "return oursMs - Math.max(0, this.skewMs ?? 0);",
        replace: "return oursMs;",
      },
    ],
  },
  {
    name: "sealed-after-reading",
    mistake: "a sweep seals up to its end instead of its start",
    edits: [
      {
        file: extractor("live-sweep"),
        find: "sourceTimeOf(startedMs)",
        replace: "sourceTimeOf(deps.nowMs() + settleDelayMsOf(deps))",
      },
      {
        file: extractor("live-sweep"),
        find: "const minuteMs = 60_000;",
        replace:
          "const minuteMs = 60_000; const settleDelayMsOf = (deps) => deps.settings.settleDelayMs;",
      },
    ],
  },
  {
    name: "stale-observation-wins",
    mistake: "observations are applied in the order of their answers",
    edits: [
      {
        file: extractor("observation-order"),
        find: 'held.hash === hash ? "apply" : "confirm"',
        replace: '"apply"',
      },
    ],
  },
  {
    name: "position-in-minute-trusted",
    world: "busy",
    mistake: "a hot minute is read by offset, once",
    edits: [
      {
        file: extractor("read-window"),
        find: "const cut = cutHotMinute(window, minute);",
        replace: "const cut = null;",
      },
      {
        file: extractor("read-window"),
        find: "settled = agreements >= 2 && ids.size === before;",
        replace: "settled = true;",
      },
      {
        file: extractor("read-window"),
        find: "let isCut = false;",
        replace: "let isCut = true;",
      },
    ],
  },
  {
    name: "count-trusted",
    mistake: "reading ends when as many rows came as the count promised",
    edits: [
      {
        file: extractor("read-window"),
        find: "const step = nextStep(place,",
        replace: "if (answer.received >= answer.count) return; const step = nextStep(place,",
      },
    ],
  },
  {
    name: "left-out-unproven",
    world: "busy",
    mistake: "rows of the minute before are left out without looking where the answer begins",
    edits: [
      {
        file: extractor("page-rule"),
        find: "if (place.known > 0 && !isBefore)",
        replace: "if (false)",
      },
    ],
  },
  {
    name: "exact-bounds",
    mistake: "bounds are taken to include their minute",
    edits: [exactBounds],
  },
  {
    name: "stamps-compared",
    mistake: "a ticket counts as unchanged while its stamp is",
    edits: [
      {
        file: extractor("detect-changes"),
        find: "const isHeadSame = held",
        replace:
          "if (held !== null && held.updated_at_raw?.slice(0, 16) === observed.ticket.updated_at_raw?.slice(0, 16)) return nothing; const isHeadSame = held",
      },
    ],
  },
  {
    name: "another-envelope-is-empty",
    mistake: "an answer without a list is taken for an empty page",
    edits: [
      {
        file: api("thulium-source"),
        find: 'throw invalid("has no list `result`", text);',
        replace: "return { count: 0, result: [] };",
      },
    ],
  },
  {
    name: "failure-is-the-end",
    mistake: "what cannot be read is passed without a record",
    edits: [
      {
        file: extractor("reading"),
        find: "...recordsOfHole(",
        replace: "...noRecords(",
      },
      {
        file: extractor("reading"),
        find: "const pagesAhead",
        replace: "const noRecords = () => ({}); const pagesAhead",
      },
    ],
  },
  {
    name: "delete-on-first-404",
    world: "deletes",
    mistake: "one 404 is enough to delete a ticket",
    edits: [
      {
        file: extractor("census"),
        find: "const second = await existences(deps, goneOnce, signal);",
        replace: "const second = first;",
      },
    ],
  },
  {
    name: "unlisted-is-deleted",
    world: "deletes",
    mistake: "what the list does not show is deleted without asking",
    edits: [
      {
        file: extractor("census"),
        find: "[ticket_id, await existence(deps, ticket_id, signal)]",
        replace: "[ticket_id, false]",
      },
    ],
  },
  {
    name: "oldest-forgotten",
    world: "deletes",
    mistake: "the census begins at the oldest ticket that is listed",
    edits: [
      {
        file: extractor("listing"),
        find: 'const first = request.created_from ?? settings.backfillFrom ?? "";',
        replace: 'const first = task.oldest ?? "";',
      },
      {
        file: extractor("listing"),
        find: "task: { ...running,",
        replace: "task: { ...running, oldest: plan.slices[0]?.created_from,",
      },
      {
        // The census by counts would find it all the same.
        file: extractor("schedules"),
        find: '["census", settings.censusSchedule, census],',
        replace: "",
      },
    ],
  },
  {
    name: "sealed-before-events",
    mistake: "the watermark is appended before what it stands for",
    edits: [
      {
        file: extractor("live-sweep"),
        find: "const result = await readAndPublish(",
        replace:
          'await deps.publisher.publish({ origin: "live", checkpoint: { sealed: instantOf(sealedAfter(epochMsOf(sealed), deps.asker.sourceTimeOf(startedMs), deps.settings.settleDelayMs)) } }); const result = await readAndPublish(',
      },
    ],
  },
  {
    name: "index-before-append",
    mistake: "the index follows before the append is durable, and stays so when it fails",
    edits: [
      {
        file: extractor("publisher"),
        find: "await this.#writer.append(batch.records());",
        replace:
          "this.#deps.index.apply(batch.states, batch.deletedIds); await this.#writer.append(batch.records());",
      },
    ],
  },
  {
    name: "no-recovery-after-doubt",
    mistake: "an append whose outcome is unknown is made again as it was",
    edits: [
      {
        file: extractor("publisher"),
        find: "if (isDoubtful)\n                await this.#recover();",
        replace:
          'if (isDoubtful)\n                this.#writer = await this.#deps.log.openWriter("extractor." + this.#options.system);',
      },
    ],
  },
  {
    name: "ids-without-chain",
    mistake: "an event's id is a hash of its content alone",
    edits: [
      {
        file: extractor("event-id"),
        find: "[system, ticketId, entity, previousOrObservedAt, content]",
        replace: "[system, ticketId, entity, content]",
      },
    ],
  },
  {
    name: "capped-retry-after",
    world: "limited",
    mistake: "Retry-After is obeyed for ten seconds at most",
    edits: [
      {
        file: extractor("budget"),
        find: "(retryAfterMs ?? silentHoldMs)",
        replace: "Math.min(10_000, retryAfterMs ?? silentHoldMs)",
      },
    ],
  },
  {
    name: "unpaced",
    mistake: "requests start as soon as a connection is free",
    edits: [
      {
        file: extractor("budget"),
        find: "Math.max(this.#nextStartMs, this.#heldUntilMs) - this.#clock.now()",
        replace: "this.#heldUntilMs - this.#clock.now()",
      },
    ],
  },
];
