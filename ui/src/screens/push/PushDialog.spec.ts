import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { operations } from "../../state/operations.svelte";
import { fakeEngine, held, pushPlan, refuseLogin } from "../../test/engine";
import PushDialog from "./PushDialog.svelte";

const image = { target: "sha256:aaaa", names: ["data:v3"] };
const nothing = { complete_reference: () => [], logins: () => [], push_elsewhere: () => [] };
const field = (): HTMLElement => screen.getByRole("combobox", { name: "Destination" });

beforeEach(() => {
  operations.all = [];
  dialogs.close();
});

describe("the push dialog", () => {
  it("says what the registry lacks before a byte moves", async () => {
    const engine = fakeEngine({ ...nothing, plan_push: () => pushPlan({ mountedBytes: 100e6 }) });
    render(PushDialog, { image });
    expect(await screen.findByText("41 of 180 MB to send")).toBeVisible();
    expect(
      screen.getByText("100 MB come from another repository there, 39 MB are there already."),
    ).toBeVisible();
    expect(screen.getByText("strata push data:v3 registry.team.dev/data:v3")).toBeVisible();
    expect(engine.asked("plan_push")).toEqual([
      { source: "data:v3", destination: "data:v3", platform: null },
    ]);
    expect(engine.asked("push")).toEqual([]);
  });

  it("sends it with Enter, and closes", async () => {
    const closed = vi.fn();
    const engine = fakeEngine({ ...nothing, plan_push: () => pushPlan(), push: () => held().promise });
    render(PushDialog, { image, onclose: closed });
    await userEvent.clear(field());
    await userEvent.type(field(), "registry.team.dev/data:v4{Enter}");
    expect(engine.asked("push")).toMatchObject([
      { source: "data:v3", destination: "registry.team.dev/data:v4", platform: null },
    ]);
    expect(operations.running).toHaveLength(1);
    expect(closed).toHaveBeenCalledOnce();
  });

  it("asks for a login where one is missing, and comes back with what was typed", async () => {
    fakeEngine({
      ...nothing,
      plan_push: () => refuseLogin("registry.team.dev", "Sign in."),
    });
    render(PushDialog, { image: { ...image, destination: "registry.team.dev/data:v3" } });
    await userEvent.click(await screen.findByRole("button", { name: "Sign in…" }));
    expect(dialogs.current).toMatchObject({
      kind: "sign in",
      host: "registry.team.dev",
      then: { kind: "push", image: { destination: "registry.team.dev/data:v3" } },
    });
  });

  it("says which image the name moves from", async () => {
    fakeEngine({ ...nothing, plan_push: () => pushPlan({ replaces: "sha256:3b3f5b000fda77" }) });
    render(PushDialog, { image });
    expect(await screen.findByText(/names 3b3f5b000fda there now/)).toBeVisible();
  });

  it("keeps the repository when another registry is chosen", async () => {
    const engine = fakeEngine({
      complete_reference: () => [],
      logins: () => [{ host: "b.example:5000", username: "kate" }],
      push_elsewhere: () => [{ host: "b.example:5000", reference: "b.example:5000/team/app:1" }],
      plan_push: () => pushPlan(),
    });
    render(PushDialog, { image: { target: "sha256:a", names: ["a.example/team/app:1"] } });
    await userEvent.click(await screen.findByRole("button", { name: "b.example:5000" }));
    expect(field()).toHaveValue("b.example:5000/team/app:1");
    expect(engine.asked("push_elsewhere")[0]).toEqual({
      destination: "a.example/team/app:1",
      hosts: ["b.example:5000"],
    });
    await waitFor(() => {
      expect(engine.asked("plan_push").at(-1)).toMatchObject({ destination: "b.example:5000/team/app:1" });
    });
  });
});
