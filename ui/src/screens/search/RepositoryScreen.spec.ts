import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { status } from "../../state/status.svelte";
import { fakeEngine, held, refuseLogin, remoteTag } from "../../test/engine";
import RepositoryScreen from "./RepositoryScreen.svelte";

type Args = Record<string, unknown>;

function tell(args: Args, page: string[]): void {
  (args as { onTags: { onmessage: (page: string[]) => void } }).onTags.onmessage(page);
}

const details = ({ tags }: Args): unknown => (tags as string[]).map((tag) => remoteTag(tag));

beforeEach(() => {
  dialogs.close();
  status.value = null;
});

describe("a repository's tags", () => {
  it("shows the first page while the others are on their way", async () => {
    const rest = held<string[]>();
    fakeEngine({
      list_tags: (args) => {
        tell(args, ["1.1", "1.0"]);
        return rest.promise;
      },
      tag_details: details,
      cancel: () => null,
    });
    render(RepositoryScreen, { repository: "a.example/app" });
    expect(await screen.findByText("1.1")).toBeVisible();
    expect(screen.getByText("more are coming, 2 tags")).toBeVisible();
    rest.settle(["latest", "1.1", "1.0"]);
    expect(await screen.findByText("latest")).toBeVisible();
    expect(screen.getByText("3 tags")).toBeVisible();
  });

  it("says which tags are the same, and how they stand to what is here", async () => {
    const same = { digest: "sha256:3b3f5b000fda77" };
    fakeEngine({
      list_tags: () => ["latest", "1.1", "1.0"],
      tag_details: () => [
        remoteTag("latest", { ...same, local: "newer" }),
        remoteTag("1.1", same),
        remoteTag("1.0", { local: "same" }),
      ],
      cancel: () => null,
    });
    render(RepositoryScreen, { repository: "a.example/app" });
    const latest = await screen.findByRole("gridcell", { name: /^latest/ });
    await waitFor(() => {
      expect(latest).toHaveTextContent("= 1.1");
    });
    expect(latest).toHaveTextContent("newer than yours");
    expect(within(screen.getByRole("gridcell", { name: /^1\.0/ })).getByText("you have this")).toBeVisible();
  });

  it("looks only at tags that are on the screen, and filters all of them", async () => {
    const all = Array.from({ length: 10_000 }, (_, index) => `v${String(index)}`);
    const engine = fakeEngine({ list_tags: () => all, tag_details: details, cancel: () => null });
    render(RepositoryScreen, { repository: "a.example/app" });
    await screen.findByText("v0");
    await waitFor(() => {
      expect(engine.asked("tag_details").length).toBeGreaterThan(0);
    });
    const asked = engine.asked("tag_details").flatMap(({ tags }) => tags as string[]);
    expect(asked.length).toBeLessThan(200);
    await userEvent.type(screen.getByRole("textbox", { name: "Filter tags" }), "v9999");
    expect(await screen.findByText("v9999")).toBeVisible();
    expect(screen.getAllByRole("gridcell")).toHaveLength(1);
  });

  it("opens the pull dialog with the tag", async () => {
    fakeEngine({ list_tags: () => ["1.0"], tag_details: details, cancel: () => null });
    render(RepositoryScreen, { repository: "a.example/app" });
    await userEvent.click(await screen.findByRole("button", { name: "Pull 1.0" }));
    expect(dialogs.current).toEqual({ kind: "pull", reference: "a.example/app:1.0" });
  });

  it("opens a tag to be looked at, and comes back to the tags", async () => {
    fakeEngine({ list_tags: () => ["1.0"], tag_details: details, cancel: () => null });
    navigation.openRepository("a.example/app");
    render(RepositoryScreen, { repository: "a.example/app" });
    await userEvent.click(await screen.findByRole("button", { name: "1.0" }));
    expect(navigation.remote).toBe("a.example/app:1.0");
    navigation.closeRemote();
    expect(navigation.remote).toBeNull();
    expect(navigation.repository).toBe("a.example/app");
  });

  it("offers to sign in where nobody is let in", async () => {
    fakeEngine({
      list_tags: () => refuseLogin("a.example"),
      cancel: () => null,
    });
    render(RepositoryScreen, { repository: "a.example/app" });
    await userEvent.click(await screen.findByRole("button", { name: "Sign in…" }));
    expect(dialogs.current).toMatchObject({ kind: "sign in", host: "a.example" });
  });
});
