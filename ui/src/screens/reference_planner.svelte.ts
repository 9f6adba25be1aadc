import { api, type Completion } from "../api";
import { Latest } from "../state/latest.svelte";

/** Long enough that a registry is not asked for every letter, short enough to feel like an answer to the last one. */
const PLAN_PAUSE_MS = 300;
const COMPLETION_PAUSE_MS = 120;

/** The value of the platform choice that chooses none. */
export const NO_PLATFORM = "";

/** What a dialog asks while somebody types a name of a registry: what would be done, and what could the name become. */
export abstract class ReferencePlanner<Plan> {
  reference = $state("");
  platform = $state(NO_PLATFORM);
  readonly plan = new Latest<Plan>();
  readonly completions = new Latest<Completion[]>();

  /** The reference without the spaces that come along when a name is pasted. */
  readonly wanted = $derived(this.reference.trim());
  readonly wantedPlatform = $derived(this.platform === NO_PLATFORM ? null : this.platform);
  /** The answer belongs to what stands in the field now. */
  readonly isCurrent = $derived(!this.plan.pending && this.plan.answer !== null);

  /** Asks for the plan. */
  protected abstract askPlan(reference: string, platform: string | null): Promise<Plan>;
  /** Hears of every other name in the field. */
  protected abstract renamed(): void;

  /** Begins with a name in the field, and asks about it at once. */
  protected begin(reference: string, platform: string): void {
    this.reference = reference;
    this.renamed();
    this.platform = platform;
    if (this.wanted !== "") this.#ask(0);
  }

  /** Takes a keystroke in. */
  type(reference: string): void {
    if (reference === this.reference) return;
    this.reference = reference;
    this.renamed();
    this.#ask(PLAN_PAUSE_MS);
    const text = this.wanted;
    if (text === "") this.completions.clear();
    else this.completions.ask(() => api.completeReference(text), COMPLETION_PAUSE_MS);
  }

  /** Takes a whole name and asks at once. */
  complete(reference: string): void {
    this.reference = reference;
    this.renamed();
    this.completions.clear();
    this.#ask(0);
  }

  choosePlatform(platform: string): void {
    if (platform === this.platform) return;
    this.platform = platform;
    this.#ask(0);
  }

  /** Asks the same again, after the reason of a refusal may have gone. */
  askAgain(): void {
    this.#ask(0);
  }

  /** Drops every question, when the dialog goes. */
  stop(): void {
    this.plan.stop();
    this.completions.stop();
  }

  #ask(pause: number): void {
    const [reference, platform] = [this.wanted, this.wantedPlatform];
    if (reference === "") this.plan.clear();
    else this.plan.ask(() => this.askPlan(reference, platform), pause);
  }
}
