import { api, type Completion, type PullPlan } from "../../api";
import { Latest } from "../../state/latest.svelte";

/** Long enough that a registry is not asked for every letter, short enough to feel like an answer to the last one. */
const PLAN_PAUSE_MS = 300;
const COMPLETION_PAUSE_MS = 120;

/** The value of the platform choice that leaves it to the engine. */
export const AUTOMATIC = "";

/** What the pull dialog asks while somebody types: what would it cost, and what could the name become. */
export class PullPlanner {
  reference = $state("");
  platform = $state(AUTOMATIC);
  readonly plan = new Latest<PullPlan>();
  readonly completions = new Latest<Completion[]>();

  /** The reference without the spaces that come along when a name is pasted. */
  readonly wanted = $derived(this.reference.trim());
  readonly wantedPlatform = $derived(this.platform === AUTOMATIC ? null : this.platform);
  /** The answer belongs to what stands in the field now. */
  readonly isCurrent = $derived(!this.plan.pending && this.plan.answer !== null);

  constructor(reference: string, platform = AUTOMATIC) {
    this.reference = reference;
    this.platform = platform;
    if (reference.trim() !== "") this.#ask(0);
  }

  /** Takes a keystroke in. */
  type(reference: string): void {
    if (reference === this.reference) return;
    this.reference = reference;
    // Another name offers other platforms; one that was chosen for this repository would be a refusal in the next.
    this.platform = AUTOMATIC;
    this.#ask(PLAN_PAUSE_MS);
    const text = this.wanted;
    if (text === "") this.completions.clear();
    else this.completions.ask(() => api.completeReference(text), COMPLETION_PAUSE_MS);
  }

  /** Takes one of the completions and asks at once. */
  complete(reference: string): void {
    this.reference = reference;
    this.platform = AUTOMATIC;
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
    else this.plan.ask(() => api.planPull(reference, platform), pause);
  }
}
