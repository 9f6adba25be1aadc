import { api, toApiError } from "../../api";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { registries } from "../../state/registries.svelte";

/** Asks for a registry's host, remembers it and opens it. */
export function addRegistry(): void {
  dialogs.openName({
    title: "Add a registry",
    label: "Registry",
    hint: "Its host, such as registry.example.com:5000. Signing in comes after that, where it is needed.",
    value: "",
    action: "Add",
    submit: async (text) => {
      try {
        const host = await api.addRegistry(text);
        await registries.load();
        navigation.openRegistry(host);
        return null;
      } catch (thrown) {
        return toApiError(thrown);
      }
    },
  });
}
