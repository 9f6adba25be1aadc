import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { forgetCatalog, registries } from "../../state/registries.svelte";
import { fakeEngine, refuse, refuseLogin } from "../../test/engine";
import { addRegistry } from "./actions";
import RegistryScreen from "./RegistryScreen.svelte";

const host = "a.example";
const known = { registries: () => [{ host, added: true }], registry_login: () => null, cancel: () => null };

beforeEach(() => {
  dialogs.close();
  forgetCatalog();
  registries.list = [{ host, added: true }];
  navigation.go("registry");
  navigation.registry = host;
});

describe("a registry", () => {
  it("lists its repositories, filters them, and leads to their tags and back", async () => {
    fakeEngine({ ...known, list_repositories: () => ["a.example/shop/web", "a.example/team/app"] });
    render(RegistryScreen, { host });
    expect(await screen.findByText("not signed in, 2 repositories")).toBeVisible();
    await userEvent.type(screen.getByRole("textbox", { name: "Filter repositories" }), "team");
    expect(screen.queryByText("a.example/shop/web")).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "a.example/team/app" }));
    expect(navigation.screen).toBe("search");
    expect(navigation.repository).toBe("a.example/team/app");
    navigation.closeRemote();
    expect(navigation.screen).toBe("registry");
    expect(navigation.repository).toBeNull();
  });

  it("takes a repository by name where it lists none", async () => {
    fakeEngine({ ...known, list_repositories: () => refuse("not_offered", "a.example lists nothing.") });
    render(RegistryScreen, { host });
    expect(await screen.findByText("a.example does not list its repositories")).toBeVisible();
    expect(registries.refused(host)).toBe(false);
    await userEvent.type(screen.getByRole("textbox", { name: "Repository" }), "team/app{Enter}");
    expect(navigation.repository).toBe("a.example/team/app");
  });

  it("asks again once somebody signed in", async () => {
    let signedIn = false;
    const engine = fakeEngine({
      ...known,
      registry_login: () => (signedIn ? { host, username: "kate" } : null),
      list_repositories: () => (signedIn ? ["a.example/team/app"] : refuseLogin("a.example")),
    });
    render(RegistryScreen, { host });
    await screen.findByText("The repositories could not be listed");
    const [signIn] = screen.getAllByRole("button", { name: "Sign in…" });
    if (signIn) await userEvent.click(signIn);
    expect(dialogs.current).toMatchObject({ kind: "sign in", host });
    signedIn = true;
    dialogs.close();
    expect(await screen.findByText("signed in as kate, 1 repository")).toBeVisible();
    expect(engine.asked("list_repositories")).toHaveLength(2);
    expect(screen.getByRole("button", { name: "Sign out" })).toBeVisible();
  });

  it("that cannot be reached is marked, and can be removed from the list", async () => {
    const engine = fakeEngine({
      ...known,
      list_repositories: () => refuse("unreachable", "Nothing listens there."),
      forget_registry: () => null,
    });
    render(RegistryScreen, { host });
    await screen.findByRole("alert");
    expect(registries.refused(host)).toBe(true);
    expect(screen.getAllByText("Nothing listens there.")).toHaveLength(1);
    await userEvent.click(screen.getByRole("button", { name: "Remove from the list" }));
    await waitFor(() => {
      expect(navigation.screen).toBe("images");
    });
    expect(engine.asked("forget_registry")).toEqual([{ host }]);
  });

  it("is added by its host, and a word that is none is refused in the dialog", async () => {
    fakeEngine({
      ...known,
      add_registry: ({ host }) =>
        host === "team" ? refuse("bad_reference", "team is no registry.") : "b.example",
    });
    addRegistry();
    const request = dialogs.current?.kind === "name" ? dialogs.current.request : null;
    expect((await request?.submit("team"))?.code).toBe("bad_reference");
    expect(await request?.submit("https://B.example")).toBeNull();
    expect(navigation.registry).toBe("b.example");
  });
});
