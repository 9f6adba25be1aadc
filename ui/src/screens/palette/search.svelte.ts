import { api, type ImageRow } from "../../api";
import { dialogs } from "../../state/dialogs.svelte";
import { Latest } from "../../state/latest.svelte";
import { navigation } from "../../state/navigation.svelte";
import { status } from "../../state/status.svelte";
import { shortDigest } from "../../text/digest";
import { rank } from "./fuzzy";
import { paletteActions, type Destinations } from "./actions.svelte";

/** One row of the palette. */
export interface PaletteEntry {
  id: string;
  group: "Actions" | "Images";
  label: string;
  /** Quiet text at the right: where it comes from. */
  detail?: string;
  keys?: string;
  image?: ImageRow;
  run: () => void;
}

const IMAGES = 30;
const PAUSE_MS = 60;

function taggedNames(row: ImageRow): string[] {
  return row.names.filter((name) => name.tag !== null).map((name) => name.familiar);
}

/** Verbs that take an image: "remove redis" offers the images called redis, to be removed. */
interface Verb {
  words: string[];
  label: string;
  /** Whether it takes this image. */
  fits?: (row: ImageRow) => boolean;
  run: (row: ImageRow) => void;
}

const VERBS: Verb[] = [
  {
    words: ["tag", "name"],
    label: "Tag",
    run: (row) => {
      dialogs.openTag({ target: row.target, id: row.id, names: row.names.map((name) => name.full) });
    },
  },
  {
    words: ["push", "upload"],
    label: "Push",
    run: (row) => {
      dialogs.openPush({ target: row.target, names: taggedNames(row) });
    },
  },
  {
    words: ["copy"],
    label: "Copy",
    run: (row) => {
      dialogs.openCopy({ from: null, image: row.target, id: row.id, names: taggedNames(row) });
    },
  },
  {
    words: ["save", "export"],
    label: "Save",
    run: (row) => {
      dialogs.openSave([{ target: row.target, names: taggedNames(row) }]);
    },
  },
  {
    words: ["compare", "diff"],
    label: "Compare",
    run: (row) => {
      navigation.compare(row.target);
    },
  },
  {
    words: ["create", "container"],
    label: "Create container of",
    fits: (row) => row.runnable && !status.readOnly,
    run: (row) => {
      const name = row.names[0]?.familiar;
      dialogs.openCreate({ reference: name ?? row.target, name: name ?? shortDigest(row.id) });
    },
  },
  {
    words: ["remove", "delete", "rmi", "rm"],
    label: "Remove",
    run: (row) => {
      dialogs.openRemoval([{ kind: "image", value: row.target }]);
    },
  },
];

/** What the palette offers for the text in its field. */
export class PaletteSearch {
  text = $state("");
  readonly images = new Latest<ImageRow[]>();

  readonly #question = $derived(splitVerb(this.text));
  readonly actions: PaletteEntry[] = $derived.by(() => {
    const query = this.text.trim();
    const found = paletteActions(this.to)
      .map((action) => ({ action, score: rank(query, action.label, action.words) }))
      .filter((entry) => entry.score !== null)
      .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))
      .map(({ action }): PaletteEntry => ({ ...action, group: "Actions" }));
    if (query !== "" && !/\s/.test(query)) found.push(this.#pullEntry(query));
    return found;
  });
  readonly rows: PaletteEntry[] = $derived(
    this.text.trim() === ""
      ? []
      : (this.images.answer ?? [])
          .filter((row) => this.#question.verb?.fits?.(row) ?? true)
          .map((row) => this.#imageEntry(row)),
  );
  /** Images come first as soon as something is typed: most questions are about one. */
  readonly entries: PaletteEntry[] = $derived(
    this.rows.length > 0 && !startsAction(this.actions, this.text)
      ? [...this.rows, ...this.actions]
      : [...this.actions, ...this.rows],
  );

  constructor(private readonly to: Destinations) {}

  type(text: string): void {
    this.text = text;
    const { filter } = this.#question;
    if (filter === "") {
      this.images.clear();
      return;
    }
    this.images.ask(async () => {
      const page = await api.images({ filter, sort: "name", descending: false, offset: 0, limit: IMAGES });
      return page.rows;
    }, PAUSE_MS);
  }

  #imageEntry(row: ImageRow): PaletteEntry {
    const { verb } = this.#question;
    const name = row.names[0]?.familiar ?? "untagged";
    const more = row.names.length > 1 ? ` and ${String(row.names.length - 1)} more` : "";
    return {
      id: `image ${row.target}`,
      group: "Images",
      label: `${verb ? `${verb.label} ` : ""}${name}${more}${verb ? "…" : ""}`,
      detail: shortDigest(row.id),
      image: row,
      run: () => {
        if (verb) verb.run(row);
        else this.to.openImage(row.target);
      },
    };
  }

  #pullEntry(reference: string): PaletteEntry {
    return {
      id: "pull typed",
      group: "Actions",
      label: `Pull “${reference}”…`,
      run: () => {
        dialogs.openPull(reference);
      },
    };
  }
}

function splitVerb(text: string): { verb: Verb | null; filter: string } {
  const [first = "", ...rest] = text.trim().split(/\s+/);
  const verb =
    rest.length > 0 ? VERBS.find((candidate) => candidate.words.includes(first.toLowerCase())) : undefined;
  return verb ? { verb, filter: rest.join(" ") } : { verb: null, filter: text.trim() };
}

/** Whether the text is on its way to an action's name, or is a whole word of one ("disk", "settings"). */
function startsAction(actions: PaletteEntry[], text: string): boolean {
  const query = text.trim().toLowerCase();
  return actions.some(({ id, label }) => {
    const words = label.toLowerCase().replace("…", "");
    return id !== "pull typed" && (words.startsWith(query) || words.split(/\s+/).includes(query));
  });
}
