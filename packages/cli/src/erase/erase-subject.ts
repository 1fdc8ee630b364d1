import { type ErasureSubject, Failure } from "@thulium-stream/contracts";

/** Options of `erase`. */
export interface EraseOptions {
  readonly customer?: string;
  readonly ticket?: string;
  /** Nobody is asked whether it is meant. */
  readonly yes: boolean;
  /** false: give the command and end. */
  readonly wait: boolean;
}

/** Who is to be erased. */
export interface Subject {
  readonly subject: ErasureSubject;
  readonly id: string;
}

const longest = 200;

/** Reads the options. Pure. @throws Failure `InvalidSettings` naming the option, its value and the rule. */
export function subjectOf({ customer, ticket }: Pick<EraseOptions, ErasureSubject>): Subject {
  if ((customer === undefined) === (ticket === undefined))
    throw new Failure("InvalidSettings", "say one of --customer ID and --ticket ID");
  if (ticket !== undefined) {
    if (!/^[1-9]\d{0,18}$/.test(ticket))
      throw new Failure(
        "InvalidSettings",
        `--ticket ${JSON.stringify(ticket)} must be the number of a ticket, as the API writes it`,
      );
    return { subject: "ticket", id: ticket };
  }
  const id = customer ?? "";
  if (id !== id.trim() || id === "" || id.length > longest || /[\p{Cc}":/]/u.test(id))
    throw new Failure(
      "InvalidSettings",
      `--customer ${JSON.stringify(id)} must be the customer's id as the API writes it: 1 to ${longest} characters, no spaces around it`,
    );
  return { subject: "customer", id };
}
