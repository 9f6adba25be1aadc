const TYPES: Record<string, string> = { folder: "d", symlink: "l", special: "?" };

/** Permissions as `ls -l` writes them: "-rwxr-xr-x", "drwxrwxrwt". */
export function formatMode(mode: number, kind: string): string {
  const bits = [8, 7, 6, 5, 4, 3, 2, 1, 0].map((bit, index) => ((mode >> bit) & 1 ? "rwx"[index % 3] : "-"));
  // The special bits take the place of the three x: set-user-ID, set-group-ID, sticky.
  const special: [bit: number, place: number, letter: string][] = [
    [11, 2, "s"],
    [10, 5, "s"],
    [9, 8, "t"],
  ];
  for (const [bit, place, letter] of special) {
    if ((mode >> bit) & 1) bits[place] = bits[place] === "x" ? letter : letter.toUpperCase();
  }
  return (TYPES[kind] ?? "-") + bits.join("");
}
