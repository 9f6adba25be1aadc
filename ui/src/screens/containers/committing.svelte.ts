import {
  api,
  type ContainerChange,
  type ContainerRow,
  type ContainerSettings,
  type ImageDetail,
  type TagPlan,
} from "../../api";
import { containers } from "../../state/containers.svelte";
import { Latest } from "../../state/latest.svelte";
import { settings } from "../../state/settings.svelte";
import { quoted } from "../../text/shell";
import { changeNodes, Choice, type ChangeNode } from "./changes";
import { configRows } from "./config";

const PLAN_PAUSE_MS = 150;

/** What a commit needs to know of a container. */
interface Known {
  changes: ContainerChange[];
  settings: ContainerSettings;
  image: ImageDetail;
}

/** An image that is to be made of a container: what goes in, how it is called, and what is said of it. */
export class Committing {
  readonly known = new Latest<Known>();
  readonly plan = new Latest<TagPlan>();
  name = $state("");
  message = $state("");
  author = $state("");
  choice = $state.raw(new Choice());
  readonly wanted = $derived(this.name.trim());
  readonly nodes = $derived(changeNodes(this.known.answer?.changes ?? []));
  readonly sum = $derived(this.choice.sum(this.nodes));
  readonly only = $derived(this.choice.only(this.nodes));
  readonly rows = $derived(
    this.known.answer ? configRows(this.known.answer.image.config, this.known.answer.settings) : [],
  );

  constructor(readonly container: ContainerRow) {
    this.author = settings.value?.author ?? "";
    this.known.ask(async () => {
      const [changes, now, image] = await Promise.all([
        api.containerChanges(container.id),
        api.containerSettings(container.id),
        api.image(container.target),
      ]);
      return { changes, settings: now, image };
    });
  }

  /** Writes another name, and asks what would happen to it. */
  type(name: string): void {
    this.name = name;
    const wanted = this.wanted;
    if (wanted === "") this.plan.clear();
    else this.plan.ask(() => api.planTag(this.container.target, wanted), PLAN_PAUSE_MS);
  }

  /** Takes a change in or out, with all that is below it. */
  choose(node: ChangeNode, wanted: boolean): void {
    this.choice = this.choice.with(node, wanted);
  }

  /** Begins the commit. It goes on when the dialog is closed. */
  begin(): void {
    const author = this.author.trim();
    if (settings.value && settings.value.author !== author) void settings.change("author", author);
    const { wanted: name, message, only } = this;
    const id = this.container.id;
    containers.commit({ container: id, name, message, author, only }, `container ${this.container.name}`);
  }

  /** The same on the command line; null where there are no words for it. */
  get commandLine(): string | null {
    if (this.only !== null) return null;
    const { author, message, wanted, container } = this;
    return [
      "strata commit",
      author.trim() === "" ? "" : `-a ${quoted(author.trim())}`,
      message.trim() === "" ? "" : `-m ${quoted(message.trim())}`,
      container.name,
      wanted,
    ]
      .filter(Boolean)
      .join(" ");
  }
}
