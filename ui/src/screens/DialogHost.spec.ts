import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { clearMocks } from "@tauri-apps/api/mocks";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApiError } from "../api";
import { dialogs } from "../state/dialogs.svelte";
import { navigation } from "../state/navigation.svelte";
import { toasts } from "../state/toasts.svelte";
import { fakeEngine, held, refuse, removalPlan } from "../test/engine";
import DialogHost from "./DialogHost.svelte";

const refusal = new ApiError("conflict", "The name is taken.", null);

/** Shows another dialog, as somebody does who did not wait. */
async function openAnother(): Promise<void> {
  dialogs.openConfirm({
    title: "Another",
    lines: ["Stays open"],
    action: "Do it",
    run: () => Promise.resolve(),
  });
  expect(await screen.findByText("Stays open")).toBeVisible();
}

beforeEach(() => {
  toasts.list = [];
  dialogs.close();
});
afterEach(() => {
  dialogs.close();
  clearMocks();
});

describe("work that ends after its dialog was closed", () => {
  it("leaves the next dialog open and tells its refusal in a notice", async () => {
    const answer = held<ApiError | null>();
    render(DialogHost);
    dialogs.openName({
      title: "Name",
      label: "Name",
      value: "a",
      action: "Give",
      submit: () => answer.promise,
    });
    await userEvent.click(await screen.findByRole("button", { name: "Give" }));
    await openAnother();
    answer.settle(refusal);
    await waitFor(() => {
      expect(toasts.list.map((toast) => toast.title)).toEqual(["The name is taken."]);
    });
    expect(dialogs.current?.kind).toBe("confirm");
  });

  it("leaves the next dialog open when it succeeds", async () => {
    const answer = held<void>();
    render(DialogHost);
    dialogs.openConfirm({ title: "One", lines: [], action: "Remove", run: () => answer.promise });
    await userEvent.click(await screen.findByRole("button", { name: "Remove" }));
    await openAnother();
    answer.settle();
    await answer.promise;
    await tick();
    expect(dialogs.current?.kind).toBe("confirm");
    expect(screen.getByText("Stays open")).toBeVisible();
  });

  it("tells that a removal was refused", async () => {
    const answer = held<never>();
    fakeEngine({ plan_removal: () => removalPlan(), execute_plan: () => answer.promise });
    render(DialogHost);
    dialogs.openRemoval([{ kind: "name", value: "data:v1" }]);
    await userEvent.click(await screen.findByRole("button", { name: /^Remove 1 image/ }));
    await openAnother();
    answer.fail(refusal);
    await waitFor(() => {
      expect(toasts.list.map((toast) => toast.title)).toEqual(["The name is taken."]);
    });
    expect(dialogs.current?.kind).toBe("confirm");
  });

  it("does not go to a container that somebody no longer waits for", async () => {
    const made = held<unknown>();
    const before = navigation.screen;
    fakeEngine({ create_container: () => made.promise, containers: () => refuse("internal", "not asked") });
    render(DialogHost);
    dialogs.openCreate({ reference: "data:v1", name: "data:v1" });
    await userEvent.click(await screen.findByRole("button", { name: "Create container" }));
    await openAnother();
    made.settle({ id: "c1", name: "web" });
    await waitFor(() => {
      expect(toasts.list.map((toast) => toast.title)).toEqual(["web is made of data:v1"]);
    });
    expect(navigation.screen).toBe(before);
    expect(dialogs.current?.kind).toBe("confirm");
  });
});
