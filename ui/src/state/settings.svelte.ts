import { api, toApiError, type ApiError, type Settings } from "../api";

/** What the person chose to see. */
export type Theme = Settings["theme"];

/**
 * The settings of this program, saved at once when one changes.
 *
 * A change shows immediately and is taken back when it could not be saved, so the screen never claims what the disk
 * does not hold.
 */
class SettingsState {
  value = $state.raw<Settings | null>(null);
  error = $state.raw<ApiError | null>(null);
  /** The setting whose saving failed, so that the message stands beside its field. */
  failedKey = $state<keyof Settings | null>(null);
  saving = $state(0);

  readonly theme: Theme = $derived(this.value?.theme ?? "system");
  /** What the disk holds. */
  #stored: Settings | null = null;
  #queue: Promise<void> = Promise.resolve();

  /** Reads the settings once more. */
  async load(): Promise<void> {
    try {
      this.value = this.#stored = await api.settings();
      this.error = null;
      this.failedKey = null;
    } catch (thrown) {
      this.error = toApiError(thrown);
    }
  }

  /** Changes one setting and saves it; saves run one after the other, in the order of the changes. */
  change<Key extends keyof Settings>(key: Key, next: Settings[Key]): Promise<void> {
    if (!this.value) return Promise.resolve();
    this.value = { ...this.value, [key]: next };
    this.saving += 1;
    this.#queue = this.#queue.then(() => this.#save(key, next));
    return this.#queue;
  }

  async #save<Key extends keyof Settings>(key: Key, next: Settings[Key]): Promise<void> {
    const saved = this.value;
    try {
      if (saved) {
        const answer = await api.saveSettings(saved);
        this.#stored = answer;
        // With what was written beside it; unless other changes wait, whose values are shown already.
        if (this.saving === 1) this.value = answer;
      }
      if (this.failedKey === key || this.failedKey === null) {
        this.error = null;
        this.failedKey = null;
      }
    } catch (thrown) {
      this.error = toApiError(thrown);
      this.failedKey = key;
      // Back to what is on the disk, and not to an earlier change that may not have got there either.
      if (this.#stored && this.value?.[key] === next)
        this.value = { ...this.value, [key]: this.#stored[key] };
    } finally {
      this.saving -= 1;
    }
  }
}

export const settings = new SettingsState();

/**
 * Keeps the page's theme as the settings say.
 *
 * To be called once while a component initialises. The style sheet follows the system by itself, so nothing is set
 * until the person forces a theme.
 */
export function followTheme(): void {
  $effect(() => {
    if (settings.theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = settings.theme;
  });
}
