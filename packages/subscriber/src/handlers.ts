import type { ChangeEvent, EventType } from "@thulium-stream/contracts";

/** What a handler learns beside the event. */
export interface EventContext {
  /** true when it may have been delivered before: it lies below the end noted when the partition was assigned, or was tried already. Event ids are for de-duplication in the handler's own store. */
  readonly redelivered: boolean;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  /** Fires when the subscription ends or the partition is lost: another member may handle the event again. */
  readonly signal: AbortSignal;
}

/** Handles events of one type. A rejection is retried with back-off; a Failure `Rejected` goes to the dead letters at once. */
export type Handler<E extends ChangeEvent> = (
  event: E,
  context: EventContext,
) => Promise<void> | void;

/** Handlers by short type: `"ticket.updated"` for `thulium.ticket.updated`. A type without handler is passed over. */
export type Handlers = {
  readonly [T in EventType as T extends `thulium.${infer Short}` ? Short : never]?: Handler<
    Extract<ChangeEvent, { type: T }>
  >;
};

/** Handlers by the whole type, `thulium.ticket.updated`, as records name it. */
export type HandlersByType = ReadonlyMap<string, Handler<ChangeEvent>>;

/** Looks handlers up by what a record says. */
export function handlersByType(on: Handlers): HandlersByType {
  return new Map(
    Object.entries(on).flatMap(([short, handler]) =>
      handler === undefined ? [] : [[`thulium.${short}`, handler as Handler<ChangeEvent>] as const],
    ),
  );
}

/** The topics whose events have a handler. */
export function topicsOf(on: Handlers): readonly string[] {
  const types = Object.entries(on).flatMap(([type, handler]) =>
    handler === undefined ? [] : [type],
  );
  return [
    ...(types.some((type) => type.startsWith("ticket.")) ? ["ticket-events"] : []),
    ...(types.some((type) => type.startsWith("message.")) ? ["message-events"] : []),
  ];
}
