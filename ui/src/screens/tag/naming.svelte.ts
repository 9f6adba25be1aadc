import { api, toApiError, type ApiError, type TagPlan } from "../../api";
import { Latest } from "../../state/latest.svelte";
import { places } from "../../state/places.svelte";
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
    /** The engine that has it; null = this computer. */
    private readonly place: string | null = null,
  ) {
    this.names = names;
    void this.reload();
  }

  /** Reads the image's names once more. */
  async reload(): Promise<void> {
    try {
      const { row } =
        this.place === null ? await api.image(this.target) : await api.placeImage(this.place, this.target);
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
    else this.plan.ask(() => this.#planned(name), PLAN_PAUSE_MS);
  }

  #planned(name: string): Promise<TagPlan> {
    return this.place === null
      ? api.planTag(this.target, name)
      : api.planPlaceTag(this.place, this.target, name);
  }

  /** Gives the image the name in the field. */
  async save(): Promise<void> {
    if (this.wanted === "" || this.saving) return;
    this.saving = true;
    this.error = null;
    try {
      const { place } = this;
      const move =
        place === null
          ? await api.tag(this.target, this.wanted)
          : await api.placeTag(place, this.target, this.wanted);
      if (place !== null) places.changed(place);
      toasts.show({
        tone: "good",
        title: `${move.name} names ${shortDigest(this.target)} now`,
        detail: move.from === null ? undefined : `It named ${shortDigest(move.from)} before`,
        // An engine keeps no journal.
        action: place === null ? undo.offer([move.name], () => void this.reload()) : undefined,
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
