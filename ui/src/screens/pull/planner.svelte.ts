import { api, type PullPlan } from "../../api";
import { NO_PLATFORM, ReferencePlanner } from "../reference_planner.svelte";

/** The value of the platform choice that leaves it to the engine. */
export const AUTOMATIC = NO_PLATFORM;

/** What the pull dialog asks while somebody types: what would it cost? */
export class PullPlanner extends ReferencePlanner<PullPlan> {
  constructor(reference: string, platform = AUTOMATIC) {
    super();
    this.begin(reference, platform);
  }

  protected askPlan(reference: string, platform: string | null): Promise<PullPlan> {
    return api.planPull(reference, platform);
  }

  protected renamed(): void {
    // Another name offers other platforms; one that was chosen for this repository would be a refusal in the next.
    this.platform = AUTOMATIC;
  }
}
