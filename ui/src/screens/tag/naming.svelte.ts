import { api, toApiError, type ApiError, type TagPlan } from "../../api";
import { Latest } from "../../state/latest.svelte";
import { toasts } from "../../state/toasts.svelte";
import { undo } from "../../state/undo.svelte";
import { shortDigest } from "../../text/digest";

const PLAN_PAUSE_MS = 150;

/** Giving names to one image: what would happen to the name in the field, and the names that it has. */
export class Naming {
  text = $state("");
  names = $state.raw<string[]>([]);
  readonly plan = new Latest<TagPlan>();
  saving = $state(false);
  error = $state.raw<ApiError | null>(null);
  readonly wanted = $derived(this.text.trim());

  constructor(
    private readonly target: string,
    names: string[],
  ) {
    this.names = names;
    void this.reload();
  }

  /** Reads the image's names once more. */
  async reload(): Promise<void> {
    try {
      const { row } = await api.image(this.target);
      this.names = row.names.map((name) => name.familiar);
    } catch (thrown) {
      this.error = toApiError(thrown);
    }
  }

  type(text: string): void {
    this.text = text;
    this.error = null;
    const name = this.wanted;
    if (name === "") this.plan.clear();
    else this.plan.ask(() => api.planTag(this.target, name), PLAN_PAUSE_MS);
  }

  /** Gives the image the name in the field. */
  async save(): Promise<void> {
    if (this.wanted === "" || this.saving) return;
    this.saving = true;
    this.error = null;
    try {
      const move = await api.tag(this.target, this.wanted);
      toasts.show({
        tone: "good",
        title: `${move.name} names ${shortDigest(this.target)} now`,
        detail: move.from === null ? undefined : `It named ${shortDigest(move.from)} before`,
        action: { label: "Undo", run: () => void undo.run().then(() => this.reload()) },
      });
      this.text = "";
      this.plan.clear();
      await this.reload();
    } catch (thrown) {
      this.error = toApiError(thrown);
    } finally {
      this.saving = false;
    }
  }
}
