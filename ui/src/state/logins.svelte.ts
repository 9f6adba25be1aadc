import { api, toApiError, type ApiError, type KnownLogin } from "../api";
import { registries } from "./registries.svelte";
import { toasts } from "./toasts.svelte";

/** The registries for which a login is known. */
class Logins {
  list = $state.raw<KnownLogin[]>([]);
  loaded = $state(false);
  error = $state.raw<ApiError | null>(null);

  async load(): Promise<void> {
    try {
      this.list = await api.logins();
      this.error = null;
    } catch (thrown) {
      this.error = toApiError(thrown);
    }
    this.loaded = true;
  }

  /** Makes every place forget the login of a registry. */
  async forget(host: string): Promise<void> {
    try {
      const places = await api.signOut(host);
      toasts.show({
        tone: "good",
        title: `Signed out of ${host}`,
        detail:
          places.length > 0 ? `The login was in ${places.join(" and ")}.` : "There was no login any more.",
      });
    } catch (thrown) {
      toasts.showError(toApiError(thrown));
    }
    await this.load();
    void registries.load();
    if (registries.known(host)) void registries.askLogin(host);
  }
}

export const logins = new Logins();
