/** Twelve characters of a digest, as docker shows them; the algorithm is left out. */
export function shortDigest(digest: string): string {
  const hex = digest.slice(digest.indexOf(":") + 1);
  return hex.slice(0, 12);
}
