import { api, toApiError, type ApiError, type StoreStatus } from "../api";

/** How the store is: where, read-only or not, mended or not. */
class Status {
  value = $state.raw<StoreStatus | null>(null);
  /** Why the store could not be opened. */
  error = $state.raw<ApiError | null>(null);

  readonly readOnly = $derived(this.value?.readOnly ?? false);

  /** Asks once more; it answers as soon as the store is open. */
  async load(): Promise<void> {
    try {
      this.value = await api.storeStatus();
      this.error = null;
    } catch (thrown) {
      this.error = toApiError(thrown);
    }
  }
}

export const status = new Status();
