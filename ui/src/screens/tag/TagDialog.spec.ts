import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { toasts } from "../../state/toasts.svelte";
import { fakeEngine, held, imageRow, refuse } from "../../test/engine";
import TagDialog from "./TagDialog.svelte";

const image = { target: "sha256:aaaa", id: "sha256:3b3f5b000fda77", names: ["docker.io/library/redis"] };
const free = {
  name: "docker.io/library/cache:1",
  familiar: "cache:1",
  to: "sha256:aaaa",
  from: null,
  same: false,
};
const detail = { image: () => ({ row: imageRow("redis") }) };

beforeEach(() => {
  toasts.list = [];
  dialogs.close();
});

describe("the tag editor", () => {
  it("adds a name by keyboard alone", async () => {
    const engine = fakeEngine({
      ...detail,
      plan_tag: () => free,
      tag: () => ({ name: "cache:1", from: null, to: "sha256:aaaa" }),
      undoable: () => null,
    });
    render(TagDialog, { image });
    const field = screen.getByRole("textbox", { name: "New name" });
    await waitFor(() => {
      expect(field).toHaveFocus();
    });
    await userEvent.keyboard("cache:1");
    expect(await screen.findByText("docker.io/library/cache:1 is free")).toBeVisible();
    await userEvent.keyboard("{Enter}");
    await waitFor(() => {
      expect(engine.asked("tag")).toEqual([{ source: "sha256:aaaa", name: "cache:1" }]);
      expect(field).toHaveValue("");
    });
    expect(toasts.list[0]).toMatchObject({ action: { label: "Undo" } });
  });

  it("says from where a name would move, before it moves", async () => {
    const from = { target: "sha256:bbbb", id: "sha256:99f0e1d2c3b4aa", created: null };
    const engine = fakeEngine({ ...detail, plan_tag: () => ({ ...free, from }) });
    render(TagDialog, { image });
    await userEvent.type(screen.getByRole("textbox", { name: "New name" }), "cache:1");
    expect(await screen.findByText("cache:1 exists: it moves here from 99f0e1d2c3b4")).toBeVisible();
    expect(screen.getByRole("button", { name: "Move name here" })).toBeEnabled();
    expect(engine.asked("tag")).toEqual([]);
  });

  it("moves no name on an Enter that came before it was known that it moves", async () => {
    const from = { target: "sha256:bbbb", id: "sha256:99f0e1d2c3b4aa", created: null };
    const answer = held<unknown>();
    const engine = fakeEngine({ ...detail, plan_tag: () => answer.promise });
    render(TagDialog, { image });
    await userEvent.type(screen.getByRole("textbox", { name: "New name" }), "cache:1{Enter}");
    answer.settle({ ...free, from });
    expect(await screen.findByText("cache:1 exists: it moves here from 99f0e1d2c3b4")).toBeVisible();
    expect(engine.asked("tag")).toEqual([]);
  });

  it("gives a free name that Enter was pressed for too early", async () => {
    const answer = held<unknown>();
    const engine = fakeEngine({
      ...detail,
      plan_tag: () => answer.promise,
      tag: () => ({ name: "cache:1", from: null, to: "sha256:aaaa" }),
      undoable: () => null,
    });
    render(TagDialog, { image });
    await userEvent.type(screen.getByRole("textbox", { name: "New name" }), "cache:1{Enter}");
    expect(engine.asked("tag")).toEqual([]);
    answer.settle(free);
    await waitFor(() => {
      expect(engine.asked("tag")).toHaveLength(1);
    });
  });

  it("shows what is wrong with a name beside the field", async () => {
    fakeEngine({
      ...detail,
      plan_tag: () => refuse("bad_reference", "A repository is written in lower case."),
    });
    render(TagDialog, { image });
    const field = screen.getByRole("textbox", { name: "New name" });
    await userEvent.type(field, "Cache");
    expect(await screen.findByText("A repository is written in lower case.")).toBeVisible();
    expect(field).toBeInvalid();
  });

  it("takes a name away only by way of a plan", async () => {
    const engine = fakeEngine(detail);
    render(TagDialog, { image });
    await userEvent.click(await screen.findByRole("button", { name: "Remove redis" }));
    expect(dialogs.current).toEqual({
      kind: "plan",
      request: { kind: "removal", selections: [{ kind: "name", value: "redis" }] },
    });
    expect(engine.asked("execute_plan")).toEqual([]);
  });
});
