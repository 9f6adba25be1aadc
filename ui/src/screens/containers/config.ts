import type { ContainerSettings, ImageConfig } from "../../api";

/** A line of a setting, and whether the container adds it to what the image has or takes it away. */
export interface ConfigLine {
  text: string;
  mark: "+" | "-" | "";
}

/** A setting of the image to be. */
export interface ConfigRow {
  label: string;
  lines: ConfigLine[];
}

/** Writes words as a command's arguments, each in quotes. */
export function words(list: string[]): string {
  return list.length === 0 ? "" : `[${list.map((word) => JSON.stringify(word)).join(", ")}]`;
}

/** Reads words as `words` writes them; text that is no such list is cut at its spaces. */
export function readWords(text: string): string[] {
  const plain = text.trim();
  if (plain.startsWith("[")) {
    try {
      const list: unknown = JSON.parse(plain);
      if (Array.isArray(list) && list.every((word) => typeof word === "string")) return list;
    } catch {
      // It is no list, so it is what it looks like: a command that begins with a bracket.
    }
  }
  return plain === "" ? [] : plain.split(/\s+/);
}

/** The lines of a text that say something. */
export function readLines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** What the settings of an image and of a container made of it say, and where they differ. */
export function configRows(image: ImageConfig, now: ContainerSettings): ConfigRow[] {
  const pairs = (list: ImageConfig["env"]): string[] => list.map(({ key, value }) => `${key}=${value}`);
  const one = (text: string | null): string[] => (text ? [text] : []);
  const command = (list: string[]): string[] => one(words(list));
  const rows: [label: string, before: string[], after: string[], always: boolean][] = [
    ["Entrypoint", command(image.entrypoint), command(now.entrypoint), true],
    ["Command", command(image.cmd), command(now.cmd), true],
    ["Environment", pairs(image.env), now.env, false],
    ["Ports", image.ports, now.ports, true],
    ["Working folder", one(image.workdir), one(now.workdir), false],
    ["User", one(image.user), one(now.user), true],
    ["Labels", pairs(image.labels), now.labels, false],
    ["Volumes", image.volumes, now.volumes, false],
  ];
  return rows
    .map(([label, before, after, always]): ConfigRow => {
      const kept = after.filter((text) => before.includes(text));
      const lines: ConfigLine[] = [
        ...(always ? kept.map((text): ConfigLine => ({ text, mark: "" })) : []),
        ...before.filter((text) => !after.includes(text)).map((text): ConfigLine => ({ text, mark: "-" })),
        ...after.filter((text) => !before.includes(text)).map((text): ConfigLine => ({ text, mark: "+" })),
      ];
      return { label, lines };
    })
    .filter(({ lines }) => lines.length > 0);
}
