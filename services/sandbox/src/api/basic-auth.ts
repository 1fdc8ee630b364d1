/** Whether the `Authorization` header carries these Basic credentials. */
export function isAuthorised(header: string | undefined, user: string, password: string): boolean {
  const match = /^basic\s+([A-Za-z0-9+/=]+)\s*$/i.exec(header ?? "");
  if (match === null) return false;
  return Buffer.from(match[1] ?? "", "base64").toString("utf8") === `${user}:${password}`;
}

/** The header that {@link isAuthorised} accepts. */
export function basicAuthorisation(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}
