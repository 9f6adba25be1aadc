import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { containers } from "../../state/containers.svelte";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { running } from "../../state/running.svelte";
import { toasts } from "../../state/toasts.svelte";
import { containerRow, runProbe } from "../../test/containers";
import { fakeEngine, refuse } from "../../test/engine";
import ConfirmDialog from "./ConfirmDialog.svelte";
import ContainersScreen from "./ContainersScreen.svelte";
import CreateDialog from "./CreateDialog.svelte";

beforeEach(() => {
  containers.rows = [];
  containers.loaded = false;
  containers.error = null;
  dialogs.close();
  toasts.list = [];
  navigation.container = null;
});

describe("the list of containers", () => {
  it("says what a container is where there is none", async () => {
    fakeEngine({ containers: () => [] });
    await containers.refresh();
    render(ContainersScreen);
    expect(screen.getByRole("heading", { name: "No containers yet" })).toBeVisible();
  });

  it("names each with its image, its changes and their size, and opens it", async () => {
    fakeEngine({
      containers: () => [containerRow(), containerRow({ id: "d", name: "calm-ibis", changes: 0 })],
    });
    await containers.refresh();
    render(ContainersScreen);
    const row = screen.getByRole("row", { name: /keen-otter/ });
    expect(row).toHaveTextContent(/data:v2.*not run yet.*4.*1.2 MB/);
    expect(screen.getByRole("row", { name: /calm-ibis/ })).toHaveTextContent(/none/);
    await userEvent.click(screen.getByRole("button", { name: "keen-otter" }));
    expect(navigation.container).toBe(containerRow().id);
  });

  it("stops and kills what runs, and shows its log", async () => {
    const row = containerRow({ running: true, status: "running" });
    const engine = fakeEngine({
      containers: () => [row],
      probe_running: () => runProbe(),
      stop_container: () => null,
      signal_container: () => null,
    });
    await containers.refresh();
    render(ContainersScreen);
    const choose = async (name: string): Promise<void> => {
      await fireEvent.contextMenu(screen.getByRole("row", { name: /keen-otter/ }));
      await userEvent.click(await screen.findByRole("menuitem", { name }));
    };
    await choose("Stop");
    await choose("Kill");
    await choose("Logs");
    expect(engine.asked("stop_container")).toEqual([{ container: row.id }]);
    expect(engine.asked("signal_container")).toEqual([{ container: row.id, signal: "KILL" }]);
    expect([navigation.container, navigation.containerTab]).toEqual([row.id, "logs"]);
  });

  it("starts in the background and says how that ended", async () => {
    const engine = fakeEngine({
      containers: () => [containerRow()],
      probe_running: () => runProbe(),
      start_in_background: () => refuse("cannot_run", "User namespaces are off."),
    });
    await containers.refresh();
    await running.learnAgain();
    render(ContainersScreen);
    await fireEvent.contextMenu(screen.getByRole("row", { name: /keen-otter/ }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Start in the background" }));
    await waitFor(() => {
      expect(toasts.list[0]).toMatchObject({ tone: "bad" });
    });
    expect(engine.asked("start_in_background")).toMatchObject([{ container: containerRow().id }]);
  });

  it("says why it cannot be read", async () => {
    fakeEngine({ containers: () => refuse("store_damaged", "The database is damaged.") });
    await containers.refresh();
    render(ContainersScreen);
    expect(screen.getByRole("alert")).toHaveTextContent("The database is damaged.");
  });

  it("shows exactly what goes before a container is removed", async () => {
    const engine = fakeEngine({ containers: () => [containerRow()], remove_container: () => 1_200_000 });
    await containers.refresh();
    render(ContainersScreen);
    await fireEvent.keyDown(screen.getByRole("button", { name: "keen-otter" }), { key: "Delete" });
    const request = dialogs.current?.kind === "confirm" ? dialogs.current.request : null;
    if (!request) throw new Error("nothing was asked");
    expect(engine.asked("remove_container")).toEqual([]);
    render(ConfirmDialog, { request });
    expect(screen.getByRole("dialog")).toHaveTextContent(
      /4 changes of its files and their 1.2 MB go for good.*The image data:v2 stays/,
    );
    await userEvent.click(screen.getByRole("button", { name: "Remove container, free 1.2 MB" }));
    await waitFor(() => {
      expect(engine.asked("remove_container")).toEqual([{ container: containerRow().id }]);
    });
  });

  it("does not offer to remove what runs", async () => {
    fakeEngine({ containers: () => [containerRow({ running: true, status: "running" })] });
    await containers.refresh();
    render(ContainersScreen);
    await fireEvent.keyDown(screen.getByRole("button", { name: "keen-otter" }), { key: "Delete" });
    const request = dialogs.current?.kind === "confirm" ? dialogs.current.request : null;
    if (!request) throw new Error("nothing was asked");
    render(ConfirmDialog, { request });
    expect(screen.getByRole("button", { name: /Remove container/ })).toBeDisabled();
    expect(screen.getByRole("dialog")).toHaveTextContent("Stop it first");
  });
});

describe("making a container", () => {
  const image = { reference: "docker.io/library/data:v2", name: "data:v2" };

  it("opens it, with the command that does the same", async () => {
    const engine = fakeEngine({ create_container: () => containerRow(), containers: () => [containerRow()] });
    render(CreateDialog, { image });
    await userEvent.type(screen.getByRole("textbox", { name: "Name" }), "keen-otter{Enter}");
    expect(screen.getByText("strata create --name keen-otter data:v2")).toBeInTheDocument();
    await waitFor(() => {
      expect(navigation.container).toBe(containerRow().id);
    });
    expect(engine.asked("create_container")).toEqual([
      { image: "docker.io/library/data:v2", name: "keen-otter" },
    ]);
  });

  it("says beside the field why a name cannot be", async () => {
    fakeEngine({ create_container: () => refuse("name_taken", "keen-otter is taken.") });
    render(CreateDialog, { image });
    await userEvent.type(screen.getByRole("textbox", { name: "Name" }), "keen-otter{Enter}");
    expect(await screen.findByText("keen-otter is taken.")).toBeVisible();
    expect(screen.getByRole("textbox", { name: "Name" })).toHaveAttribute("aria-invalid", "true");
    expect(navigation.container).toBeNull();
  });
});
