import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { operations } from "../../state/operations.svelte";
import { status } from "../../state/status.svelte";
import { fakeEngine, held, pullPlan, refuse, refuseLogin, storeStatus } from "../../test/engine";
import PullDialog from "./PullDialog.svelte";

const nothing = { complete_reference: () => [] };
const field = (): HTMLElement => screen.getByRole("combobox", { name: "Reference" });
const pullButton = (): HTMLElement => screen.getByRole("button", { name: "Pull" });

beforeEach(() => {
  operations.all = [];
  status.value = null;
});

describe("the pull dialog", () => {
  it("has the focus in the reference field", async () => {
    fakeEngine(nothing);
    render(PullDialog);
    await waitFor(() => {
      expect(field()).toHaveFocus();
    });
    expect(pullButton()).toBeDisabled();
  });

  it("says what it will cost before anything starts", async () => {
    const engine = fakeEngine({ ...nothing, plan_pull: () => pullPlan() });
    render(PullDialog);
    await userEvent.type(field(), "registry.team.dev/data:v3");
    expect(await screen.findByText("41 of 180 MB to download")).toBeVisible();
    expect(screen.getByText("The rest is here.")).toBeVisible();
    expect(screen.getByText("strata pull registry.team.dev/data:v3")).toBeVisible();
    expect(engine.asked("pull")).toEqual([]);
  });

  it("asks once for a name that was typed in one go", async () => {
    const engine = fakeEngine({ ...nothing, plan_pull: () => pullPlan() });
    render(PullDialog);
    await userEvent.type(field(), "debian");
    await screen.findByText(/to download$/, { selector: "p" });
    expect(engine.asked("plan_pull")).toEqual([{ reference: "debian", platform: null }]);
  });

  it("warns when the name moves from another image", async () => {
    const movedFrom = { target: "sha256:1", id: "sha256:3b3f5b000fda77", created: null };
    fakeEngine({ ...nothing, plan_pull: () => pullPlan({ movedFrom }) });
    render(PullDialog, { reference: "registry.team.dev/data:v3" });
    expect(await screen.findByText(/it moves here from 3b3f5b000fda/)).toBeVisible();
  });

  it("says that everything is here already", async () => {
    fakeEngine({ ...nothing, plan_pull: () => pullPlan({ upToDate: true, downloadBytes: 0 }) });
    render(PullDialog, { reference: "debian" });
    expect(await screen.findByText("Up to date")).toBeVisible();
  });

  it("drops the answer to a name that is not in the field any more", async () => {
    const slow = held<unknown>();
    fakeEngine({
      ...nothing,
      plan_pull: ({ reference }) =>
        reference === "a" ? slow.promise : pullPlan({ downloadBytes: 5e6, totalBytes: 5e6 }),
    });
    render(PullDialog, { reference: "a" });
    await userEvent.type(field(), "b");
    await screen.findByText("5 MB to download");
    slow.settle(pullPlan({ downloadBytes: 9e6, totalBytes: 9e6 }));
    await Promise.resolve();
    expect(screen.queryByText("9 MB to download")).toBeNull();
  });

  it("puts what is wrong with the words beside the field", async () => {
    fakeEngine({
      ...nothing,
      plan_pull: () => refuse("bad_reference", "A repository is written in lower case.", "Try app."),
    });
    render(PullDialog, { reference: "App" });
    expect(await screen.findByText("A repository is written in lower case. Try app.")).toBeVisible();
    expect(field()).toBeInvalid();
    expect(pullButton()).toBeDisabled();
  });

  it("shows a refusal with what to do, and asks again on Enter", async () => {
    let refusals = 0;
    const engine = fakeEngine({
      ...nothing,
      plan_pull: () => {
        refusals += 1;
        if (refusals > 1) return pullPlan();
        return refuseLogin("registry.example.com", "Sign in, then pull again.");
      },
    });
    render(PullDialog, { reference: "registry.example.com/app" });
    expect(await screen.findByRole("alert")).toHaveTextContent("Sign in, then pull again.");
    expect(screen.getByRole("button", { name: "Sign in…" })).toBeVisible();
    field().focus();
    await userEvent.keyboard("{Enter}");
    expect(await screen.findByText("41 of 180 MB to download")).toBeVisible();
    expect(engine.asked("pull")).toEqual([]);
  });

  it("starts with Enter, without waiting for the plan, and closes", async () => {
    const closed = vi.fn();
    const engine = fakeEngine({ ...nothing, plan_pull: () => pullPlan(), pull: () => held().promise });
    render(PullDialog, { onclose: closed });
    await userEvent.type(field(), "debian:12{Enter}");
    expect(engine.asked("pull")).toMatchObject([{ reference: "debian:12", platform: null }]);
    expect(closed).toHaveBeenCalledOnce();
    expect(operations.running).toHaveLength(1);
  });

  it("plans and pulls for the platform that was chosen", async () => {
    const engine = fakeEngine({
      ...nothing,
      plan_pull: ({ platform }) => pullPlan({ platform: (platform as string | null) ?? "linux/amd64" }),
      pull: () => held().promise,
    });
    render(PullDialog, { reference: "debian" });
    const platform = await screen.findByRole("combobox", { name: /^Platform/ });
    platform.focus();
    await userEvent.keyboard("{ArrowDown}");
    await userEvent.keyboard("{ArrowDown}{ArrowDown}{Enter}");
    await waitFor(() => {
      expect(engine.asked("plan_pull").at(-1)).toEqual({ reference: "debian", platform: "linux/arm64/v8" });
    });
    await userEvent.click(pullButton());
    expect(engine.asked("pull")).toMatchObject([{ platform: "linux/arm64/v8" }]);
  });

  it("plans, but does not pull, into a store that can only be read", async () => {
    const engine = fakeEngine({ ...nothing, plan_pull: () => pullPlan() });
    status.value = storeStatus({ readOnly: true });
    render(PullDialog, { reference: "debian" });
    expect(await screen.findByText("41 of 180 MB to download")).toBeVisible();
    expect(screen.getByText(/can only be read/)).toBeVisible();
    field().focus();
    await userEvent.keyboard("{Enter}");
    expect(engine.asked("pull")).toEqual([]);
  });

  it("offers completions to the arrow keys and takes one with Enter", async () => {
    const engine = fakeEngine({
      complete_reference: () => [
        { reference: "debian:12", kind: "local" },
        { reference: "debian:13", kind: "tag" },
      ],
      plan_pull: () => pullPlan(),
    });
    render(PullDialog);
    await userEvent.type(field(), "deb");
    expect(await screen.findByRole("option", { name: /debian:13 in the registry/ })).toBeVisible();
    await userEvent.keyboard("{ArrowDown}{ArrowDown}{Enter}");
    expect(field()).toHaveValue("debian:13");
    expect(screen.queryByRole("option")).toBeNull();
    expect(engine.asked("pull")).toEqual([]);
  });

  it("leads from a tag that is not there to those that are", async () => {
    fakeEngine({
      complete_reference: ({ text }) =>
        String(text).endsWith(":") ? [{ reference: "ghcr.io/team/app:1.4", kind: "tag" }] : [],
      plan_pull: ({ reference }) => {
        if (String(reference).endsWith(":")) return refuse("bad_reference", "The tag is missing.");
        return reference === "ghcr.io/team/app:1.4"
          ? pullPlan()
          : refuse("tag_not_found", "It is not there.");
      },
    });
    render(PullDialog, { reference: "ghcr.io/team/app" });
    await userEvent.click(await screen.findByRole("button", { name: "Choose a tag…" }));
    expect(field()).toHaveFocus();
    expect(await screen.findByRole("option", { name: /app:1\.4/ })).toBeVisible();
    // Nothing is wrong with a name whose end is still to come.
    expect(field()).toBeValid();
    expect(pullButton()).toBeDisabled();
    await userEvent.keyboard("{ArrowDown}{Enter}");
    expect(field()).toHaveValue("ghcr.io/team/app:1.4");
    expect(await screen.findByText("41 of 180 MB to download")).toBeVisible();
  });

  it("closes only the completions with the first Escape", async () => {
    const closed = vi.fn();
    fakeEngine({
      complete_reference: () => [{ reference: "debian:12", kind: "local" }],
      plan_pull: () => pullPlan(),
    });
    render(PullDialog, { onclose: closed });
    await userEvent.type(field(), "deb");
    await screen.findByRole("option");
    await userEvent.keyboard("{Escape}");
    expect(screen.queryByRole("option")).toBeNull();
    expect(closed).not.toHaveBeenCalled();
    await userEvent.keyboard("{Escape}");
    expect(closed).toHaveBeenCalled();
  });
});
