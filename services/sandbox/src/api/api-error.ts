import { mix } from "../population/draw.ts";
import type { SandboxResponse } from "./response.ts";

/** An answer that is an error, thrown while a request is handled and answered by the router. */
export class ApiError extends Error {
  readonly status: number;
  /** Key of the texts in {@link texts}. */
  readonly reason: Reason;
  /** What the text speaks of: a parameter's name. */
  readonly subject: string;

  constructor(status: number, reason: Reason, subject = "") {
    super(`${status} ${reason} ${subject}`);
    this.status = status;
    this.reason = reason;
    this.subject = subject;
  }
}

const texts = {
  invalid: ["Invalid value of parameter", "Nieprawidłowa wartość parametru"],
  unknown_parameter: ["Unknown parameter", "Nieznany parametr"],
  unknown_object: ["Object not found", "Nie znaleziono obiektu"],
  unknown_uri: ["URI not found", "Nie znaleziono adresu URI"],
  gone: ["Object has been permanently deleted", "Obiekt został trwale usunięty"],
  unauthenticated: ["Authentication required", "Wymagane uwierzytelnienie"],
  forbidden: ["No permission for this method", "Brak uprawnień do tej metody"],
  too_many: ["Too many requests", "Zbyt wiele zapytań"],
  internal: ["Internal server error", "Wewnętrzny błąd serwera"],
  unavailable: ["Service temporarily unavailable", "Usługa chwilowo niedostępna"],
} as const;

/** Why a request is refused. */
export type Reason = keyof typeof texts;

const codes: Readonly<Record<Reason, number>> = {
  invalid: 1001,
  unknown_parameter: 1002,
  unknown_object: 1004,
  unknown_uri: 1005,
  gone: 1010,
  unauthenticated: 1401,
  forbidden: 1403,
  too_many: 1429,
  internal: 1500,
  unavailable: 1503,
};

/** How errors are worded in one answer. */
export interface ErrorStyle {
  readonly polish: boolean;
  readonly html: boolean;
  readonly salt: number;
}

/** The documented error body, `{"request_id": "<13 hex>", "errors": [{"message", "code"}]}`, or a proxy's page. */
export function errorResponse(error: ApiError, style: ErrorStyle): SandboxResponse {
  const text = texts[error.reason][style.polish ? 1 : 0];
  const message = error.subject === "" ? text : `${text}: ${error.subject}`;
  if (style.html) {
    return {
      status: error.status,
      headers: { "content-type": "text/html; charset=utf-8" },
      body: `<html>\r\n<head><title>${error.status}</title></head>\r\n<body>\r\n<center><h1>${error.status} ${texts[error.reason][0]}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
    };
  }
  const errors = [{ message, code: codes[error.reason] }];
  return {
    status: error.status,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: JSON.stringify({ request_id: requestIdOf(style.salt), errors }),
  };
}

/** Thirteen hex digits, as PHP's `uniqid` makes them. */
function requestIdOf(salt: number): string {
  const high = mix(salt, 1).toString(16).padStart(8, "0");
  return `${high}${mix(salt, 2).toString(16).padStart(8, "0")}`.slice(0, 13);
}
