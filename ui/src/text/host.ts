/** Refusals that another login may change. */
export const LOGIN_MAY_HELP: ReadonlySet<string> = new Set(["unauthorized", "denied"]);

/** The host of a reference as people write it; the first part is one where it has a dot, a port, or is `localhost`. */
export function hostOf(reference: string): string {
  const first = reference.split("/")[0] ?? "";
  const isHost = reference.includes("/") && (/[.:]/.test(first) || first === "localhost");
  return isHost ? first : "docker.io";
}

/** The same repository and tag at another registry. */
export function withHost(reference: string, host: string): string {
  const first = reference.split("/")[0] ?? "";
  const rest = hostOf(reference) === first ? reference.slice(first.length + 1) : reference;
  return `${host}/${rest}`;
}
