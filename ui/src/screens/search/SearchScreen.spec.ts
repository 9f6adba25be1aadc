import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { navigation } from "../../state/navigation.svelte";
import { search } from "../../state/search.svelte";
import { fakeEngine, refuse } from "../../test/engine";
import SearchScreen from "./SearchScreen.svelte";

const found = [
  { name: "nginx", description: "A \u202eserver", stars: 20_000, official: true },
  { name: "team/nginx", description: "", stars: null, official: false },
];

beforeEach(() => {
  navigation.repository = null;
  search.registry = search.words = "";
  search.official = false;
  search.leastStars = 0;
  search.results.clear();
});

describe("the search", () => {
  it("shows what was found, with the publisher's tricks made visible", async () => {
    const engine = fakeEngine({ search: () => found });
    render(SearchScreen);
    await userEvent.type(screen.getByRole("textbox", { name: "Words" }), "nginx{Enter}");
    const official = await screen.findByRole("button", { name: /^nginx official/ });
    expect(official).toHaveTextContent("20000");
    expect(official.textContent).not.toContain("\u202e");
    expect(engine.asked("search")).toEqual([
      { registry: "", words: "nginx", leastStars: null, official: false },
    ]);
    expect(screen.getByText("2 repositories at Docker Hub")).toBeVisible();
  });

  it("asks again with a filter", async () => {
    const engine = fakeEngine({ search: () => found });
    render(SearchScreen);
    await userEvent.type(screen.getByRole("textbox", { name: "Registry" }), "a.example{Enter}");
    await screen.findByText("2 repositories at a.example");
    await userEvent.click(screen.getByRole("checkbox", { name: "Official only" }));
    expect(engine.asked("search").at(-1)).toEqual({
      registry: "a.example",
      words: "",
      leastStars: null,
      official: true,
    });
  });

  it("draws a plain registry's catalogue as what it is: names", async () => {
    fakeEngine({
      search: () => [{ name: "a.example/app", description: "", stars: null, official: false }],
    });
    render(SearchScreen);
    await userEvent.type(screen.getByRole("textbox", { name: "Registry" }), "a.example{Enter}");
    await screen.findByText("1 repository at a.example");
    expect(screen.queryByRole("checkbox", { name: "Official only" })).toBeNull();
    expect(screen.queryByText("No description")).toBeNull();
  });

  it("says why a registry was not searched", async () => {
    fakeEngine({ search: () => refuse("not_offered", "a.example lists nothing.", "Type a whole name.") });
    render(SearchScreen);
    await userEvent.type(screen.getByRole("textbox", { name: "Registry" }), "a.example{Enter}");
    expect(await screen.findByRole("alert")).toHaveTextContent("a.example lists nothing.");
  });

  it("opens the tags of a repository", async () => {
    fakeEngine({ search: () => found, list_tags: () => [], cancel: () => null });
    render(SearchScreen);
    await userEvent.type(screen.getByRole("textbox", { name: "Words" }), "nginx{Enter}");
    await userEvent.click(await screen.findByRole("button", { name: /^team\/nginx/ }));
    expect(navigation.repository).toBe("team/nginx");
    expect(await screen.findByRole("heading", { name: "team/nginx" })).toBeVisible();
  });
});
