import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { operations } from "../../state/operations.svelte";
import { settings } from "../../state/settings.svelte";
import { containerRow, containerSettings, someChanges } from "../../test/containers";
import { fakeEngine, refuse, storedSettings, type FakeEngine } from "../../test/engine";
import { layeredDetail } from "../../test/files";
import CommitDialog from "./CommitDialog.svelte";

const container = containerRow();
const free = {
  name: "docker.io/team/data:v3",
  familiar: "team/data:v3",
  to: container.target,
  from: null,
  same: false,
};

function engine(handlers: Parameters<typeof fakeEngine>[0] = {}): FakeEngine {
  return fakeEngine({
    container_changes: () => someChanges(),
    container_settings: () => containerSettings({ env: ["PATH=/bin", "MODE=production"] }),
    image: () => layeredDetail(),
    plan_tag: () => free,
    commit: () => ({ target: "sha256:new", id: "sha256:id", moved: [], layerBytes: 700 }),
    save_settings: (args) => args["settings"],
    ...handlers,
  });
}

beforeEach(() => {
  operations.all = [];
  settings.value = storedSettings({ author: "Kate Smith" });
});

describe("the commit dialog", () => {
  it("commits everything by Ctrl Enter, with message and author, also while something runs", async () => {
    const fake = engine();
    const onclose = vi.fn();
    render(CommitDialog, { container: { ...container, status: "running", running: true }, onclose });
    const name = screen.getByRole("textbox", { name: "Name and tag" });
    await waitFor(() => {
      expect(name).toHaveFocus();
    });
    expect(screen.getByRole("textbox", { name: "Author" })).toHaveValue("Kate Smith");
    await userEvent.keyboard("team/data:v3");
    expect(await screen.findByText("docker.io/team/data:v3 is free")).toBeVisible();
    await userEvent.type(screen.getByRole("textbox", { name: "Message" }), "It's the page");
    expect(
      screen.getByText(`strata commit -a 'Kate Smith' -m 'It'\\''s the page' keen-otter team/data:v3`),
    ).toBeInTheDocument();
    await screen.findByText("from data:v2, 5 changes, adds 1.21 kB");
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await waitFor(() => {
      expect(fake.asked("commit")).toMatchObject([
        {
          form: {
            container: container.id,
            name: "team/data:v3",
            message: "It's the page",
            author: "Kate Smith",
            only: null,
          },
        },
      ]);
    });
    expect(onclose).toHaveBeenCalled();
    await waitFor(() => {
      expect(operations.all[0]).toMatchObject({ kind: "commit", outcome: { target: "sha256:new" } });
    });
  });

  it("takes only what is ticked, and remembers another author", async () => {
    const fake = engine();
    render(CommitDialog, { container });
    await userEvent.click(await screen.findByRole("checkbox", { name: "Commit /etc/motd" }));
    await userEvent.click(screen.getByRole("button", { name: "Changes in /srv/www" }));
    await userEvent.click(screen.getByRole("checkbox", { name: "Commit /srv/www/index" }));
    expect(screen.getByRole("checkbox", { name: "Commit /srv/www" })).toBePartiallyChecked();
    expect(screen.getByText("from data:v2, 5 changes, 3 chosen, adds 211 B")).toBeVisible();
    expect(screen.queryByText(/strata commit/)).toBeNull();
    const author = screen.getByRole("textbox", { name: "Author" });
    await userEvent.clear(author);
    await userEvent.type(author, "Mika");
    await userEvent.click(screen.getByRole("button", { name: "Commit" }));
    await waitFor(() => {
      expect(fake.asked("commit")).toMatchObject([{ form: { only: ["etc/app.conf", "srv/www/style"] } }]);
    });
    await waitFor(() => {
      expect(fake.asked("save_settings")).toMatchObject([{ settings: { author: "Mika" } }]);
    });
  });

  it("says from where a name would move, and how the image will run", async () => {
    const from = { target: "sha256:bbbb", id: "sha256:99f0e1d2c3b4aa", created: null };
    engine({ plan_tag: () => ({ ...free, from }) });
    render(CommitDialog, { container });
    await userEvent.type(screen.getByRole("textbox", { name: "Name and tag" }), "team/data:v3");
    expect(await screen.findByText("team/data:v3 exists: it moves here from 99f0e1d2c3b4")).toBeVisible();
    const configuration = screen.getByRole("region", { name: "Configuration" });
    expect(configuration).toHaveTextContent("+ MODE=production");
    expect(screen.getByRole("region", { name: "The new image" })).toHaveTextContent(
      /layers? as before, one new on top: 1.21 kB/,
    );
  });

  it("refuses a name that cannot be beside the field", async () => {
    const fake = engine({ plan_tag: () => refuse("bad_reference", "A repository is in lower case.") });
    render(CommitDialog, { container });
    await userEvent.type(screen.getByRole("textbox", { name: "Name and tag" }), "UPPER");
    expect(await screen.findByText("A repository is in lower case.")).toBeVisible();
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    expect(screen.getByRole("button", { name: "Commit" })).toBeDisabled();
    expect(fake.asked("commit")).toEqual([]);
  });

  it("commits settings alone where no file was changed", async () => {
    engine({ container_changes: () => [] });
    render(CommitDialog, { container });
    expect(await screen.findByText(/No file was changed/)).toBeVisible();
    expect(screen.getByText(/none new/)).toBeVisible();
    expect(screen.getByRole("button", { name: "Commit" })).toBeEnabled();
  });
});
