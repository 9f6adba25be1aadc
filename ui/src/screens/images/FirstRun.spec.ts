import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { places } from "../../state/places.svelte";
import { fakeEngine } from "../../test/engine";
import FirstRun from "./FirstRun.svelte";

const docker = {
  id: "docker",
  title: "Docker",
  description: null,
  address: "unix:///run/docker.sock",
  remote: false,
  inTheClear: false,
  current: true,
};

beforeEach(() => {
  dialogs.close();
  places.list = [];
});

it("leads to a registry, to a file and to an engine", async () => {
  places.list = [docker];
  const engine = fakeEngine({ choose_archives: () => [] });
  render(FirstRun, { readOnly: false });
  expect(screen.getByRole("heading", { name: "No images yet" })).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Pull image" }));
  expect(dialogs.current).toMatchObject({ kind: "pull" });
  await userEvent.click(screen.getByRole("button", { name: "Open an archive…" }));
  expect(engine.asked("choose_archives")).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: "Go to Docker" }));
  expect(navigation.place).toBe("docker");
});

it("looks for an engine again where none was found", async () => {
  const engine = fakeEngine({ places: () => [docker], place_state: () => null });
  render(FirstRun, { readOnly: false });
  await userEvent.click(screen.getByRole("button", { name: "Look again" }));
  expect(await screen.findByRole("button", { name: "Go to Docker" })).toBeVisible();
  expect(engine.asked("places")).toHaveLength(1);
});

it("brings nothing into a store that can only be read", () => {
  render(FirstRun, { readOnly: true });
  expect(screen.getByRole("button", { name: "Pull image" })).toBeDisabled();
  expect(screen.getByRole("button", { name: "Open an archive…" })).toBeDisabled();
});
