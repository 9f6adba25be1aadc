import { api, toApiError, type ApiError, type Plan, type Removed } from "../../api";
import type { PlanRequest } from "../../state/dialogs.svelte";
import { Latest } from "../../state/latest.svelte";

/** A removal or prune from the question to the deed: ask, show, do exactly that, or ask again. */
export class Planning {
  readonly plan = new Latest<Plan>();
  /** Take what docker's rules let go only when forced. */
  force = $state(false);
  /** Prune also what has a name, where nothing uses it. */
  all = $state(false);
  executing = $state(false);
  /** The images changed while the plan was on screen, and it was made anew. */
  renewed = $state(false);
  executionError = $state.raw<ApiError | null>(null);

  constructor(readonly request: PlanRequest) {
    this.ask();
  }

  ask(): void {
    this.executionError = null;
    const { request, force, all } = this;
    this.plan.ask(() =>
      request.kind === "prune" ? api.planPrune(all) : api.planRemoval(request.selections, force),
    );
  }

  setForce(force: boolean): void {
    this.force = force;
    this.ask();
  }

  setAll(all: boolean): void {
    this.all = all;
    this.ask();
  }

  /**
   * Does what the plan says and gives back what went.
   *
   * Gives null when nothing was done: refused, or stale, in which case a new plan is on its way to the screen.
   */
  async execute(): Promise<Removed | null> {
    const plan = this.plan.answer;
    if (!plan || this.plan.pending || this.executing) return null;
    this.executing = true;
    this.executionError = null;
    try {
      return await api.executePlan(plan.planId);
    } catch (thrown) {
      const error = toApiError(thrown);
      if (error.code === "plan_stale") {
        this.renewed = true;
        this.ask();
      } else {
        this.executionError = error;
      }
      return null;
    } finally {
      this.executing = false;
    }
  }
}
