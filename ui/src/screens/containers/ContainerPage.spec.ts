import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { archives } from "../../state/archives.svelte";
import { dialogs, type NameRequest } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { operations } from "../../state/operations.svelte";
import { toasts } from "../../state/toasts.svelte";
import { containerRow, containerSettings, runProbe, someChanges, terminalRow } from "../../test/containers";
import { fakeEngine, held, refuse, type FakeEngine } from "../../test/engine";
import { fakeOutline, layeredDetail, listedFile } from "../../test/files";
import ContainerPage from "./ContainerPage.svelte";

const id = containerRow().id;

function engine(handlers: Parameters<typeof fakeEngine>[0] = {}): FakeEngine {
  return fakeEngine({
    container: () => containerRow(),
    image: () => layeredDetail(),
    container_changes: () => someChanges(),
    container_settings: () => containerSettings(),
    file_outline: fakeOutline(["etc/", "etc/app.conf", "etc/motd", "srv/"]),
    file_facts: (args) => ({ file: listedFile(args["path"] as string), touches: [], xattrs: [] }),
    file_content: () => ({
      kind: "text",
      text: "listen = 80\n",
      base64: "",
      mediaType: null,
      size: 12,
      shown: 12,
    }),
    container_text: () => "listen = 80\n",
    edit_container: () => null,
    ...handlers,
  });
}

async function open(): Promise<void> {
  render(ContainerPage, { id, changes: 0 });
  await userEvent.click(await screen.findByRole("treeitem", { name: /^etc\s*folder/ }));
}

async function openFile(name: RegExp): Promise<void> {
  await open();
  await userEvent.keyboard("{ArrowRight}");
  await userEvent.click(await screen.findByRole("treeitem", { name }));
}

function asked(): NameRequest {
  if (dialogs.current?.kind !== "name") throw new Error("no name was asked for");
  return dialogs.current.request;
}

beforeEach(() => {
  dialogs.close();
  toasts.list = [];
  operations.all = [];
  navigation.openContainer(id);
});

describe("a container's files", () => {
  it("are those of the image with the changes as one more layer", async () => {
    const fake = engine();
    await open();
    expect(fake.asked("file_outline")[0]).toMatchObject({
      target: { container: id },
      query: { view: { kind: "upTo", layer: 3 } },
    });
    expect(screen.getByRole("heading", { name: "keen-otter" })).toBeVisible();
    expect(screen.getByRole("tab", { name: "Changes (5)" })).toBeVisible();
  });

  it("get a new folder in the one that is chosen", async () => {
    const fake = engine();
    await open();
    await userEvent.click(screen.getByRole("button", { name: "New folder" }));
    expect(asked().subtitle).toBe("In /etc");
    expect(await asked().submit("conf.d")).toBeNull();
    expect(fake.asked("edit_container")).toEqual([
      { container: id, edits: [{ kind: "makeFolder", folder: "etc", name: "conf.d" }] },
    ]);
  });

  it("keep what is refused in the dialog that asked", async () => {
    engine({ edit_container: () => refuse("conflict", "etc/conf.d is there already.") });
    await open();
    await userEvent.click(screen.getByRole("button", { name: "New folder" }));
    expect(await asked().submit("conf.d")).toMatchObject({ message: "etc/conf.d is there already." });
    expect(toasts.list).toEqual([]);
  });

  it("are renamed by F2 and deleted by Delete, with a way back", async () => {
    const fake = engine();
    await openFile(/^motd/);
    await userEvent.keyboard("{F2}");
    expect(asked().value).toBe("motd");
    await asked().submit("issue");
    dialogs.close();
    await userEvent.click(await screen.findByRole("treeitem", { name: /^motd/ }));
    await userEvent.keyboard("{Delete}");
    await waitFor(() => {
      expect(toasts.list[0]).toMatchObject({ title: "Deleted /etc/motd", action: { label: "Put back" } });
    });
    toasts.list[0]?.action?.run();
    await waitFor(() => {
      expect(fake.asked("edit_container").map(({ edits }) => edits)).toEqual([
        [{ kind: "rename", path: "etc/motd", name: "issue" }],
        [{ kind: "remove", path: "etc/motd" }],
        [{ kind: "revert", path: "etc/motd" }],
      ]);
    });
  });

  it("are edited in place, and the ends of their lines are kept", async () => {
    const fake = engine({ container_text: () => "a\r\nb\r\n" });
    await openFile(/^app.conf/);
    await userEvent.click(await screen.findByRole("button", { name: "Edit" }));
    const field = await screen.findByRole("textbox", { name: "Text of /etc/app.conf" });
    expect(field).toHaveFocus();
    expect(screen.getByRole("button", { name: "Save" })).toBeDisabled();
    await userEvent.type(field, "c", { initialSelectionStart: 4, initialSelectionEnd: 4 });
    await userEvent.keyboard("{Control>}s{/Control}");
    await waitFor(() => {
      expect(fake.asked("edit_container")).toEqual([
        { container: id, edits: [{ kind: "write", path: "etc/app.conf", text: "a\r\nb\r\nc" }] },
      ]);
    });
    await waitFor(() => {
      expect(screen.queryByRole("textbox", { name: /Text of/ })).toBeNull();
    });
  });

  it("give the side to the next one that is chosen, and what was written waits until it is committed", async () => {
    const fake = engine({ container_text: () => "listen = 80\n" });
    await openFile(/^app.conf/);
    await userEvent.click(await screen.findByRole("button", { name: "Edit" }));
    await userEvent.type(await screen.findByRole("textbox", { name: "Text of /etc/app.conf" }), "x", {
      initialSelectionStart: 0,
      initialSelectionEnd: 0,
    });
    await userEvent.click(await screen.findByRole("treeitem", { name: /^motd/ }));
    await waitFor(() => {
      expect(screen.queryByRole("textbox", { name: /Text of/ })).toBeNull();
    });
    await userEvent.click(screen.getByRole("button", { name: "Commit…" }));
    const request = dialogs.current?.kind === "confirm" ? dialogs.current.request : null;
    expect(request?.lines[0]).toBe("/etc/app.conf has text that was written and not saved.");
    await request?.run();
    expect(fake.asked("edit_container")).toEqual([
      { container: id, edits: [{ kind: "write", path: "etc/app.conf", text: "xlisten = 80\n" }] },
    ]);
    expect(dialogs.current?.kind).toBe("commit");
  });

  it("that are no text are not offered a field, and say why", async () => {
    engine({ container_text: () => refuse("usage", "The file is no text in UTF-8.") });
    await openFile(/^app.conf/);
    await userEvent.click(await screen.findByRole("button", { name: "Edit" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("The file is no text in UTF-8.");
    expect(screen.queryByRole("textbox", { name: /Text of/ })).toBeNull();
  });

  it("take what is dropped on the window, into the folder that is chosen", async () => {
    const fake = engine({ add_files: () => ({ files: 1, bytes: 18 }) });
    await open();
    expect(archives.target?.title).toBe("Drop to add to /etc");
    archives.target?.take([{ token: "t1", name: "index.html" }]);
    await waitFor(() => {
      expect(fake.asked("add_files")).toMatchObject([{ container: id, folder: "etc", tokens: ["t1"] }]);
    });
    expect(operations.all[0]).toMatchObject({ kind: "add", subject: "index.html to keen-otter" });
  });

  it("are changed and committed while something runs in it, too", async () => {
    const fake = engine({ container: () => containerRow({ running: true, status: "running" }) });
    await openFile(/^motd/);
    expect(screen.getByText(/Its programs see at once what you change here/)).toBeVisible();
    await userEvent.keyboard("{Delete}");
    await waitFor(() => {
      expect(fake.asked("edit_container")).toHaveLength(1);
    });
    expect(screen.getByRole("button", { name: "Commit…" })).toBeEnabled();
    expect(archives.target?.title).toBe("Drop to add to /etc");
  });
});

describe("a container that goes when it ends", () => {
  it("leaves what it wrote on the screen", async () => {
    navigation.containerTab = "terminal";
    let there = true;
    engine({
      probe_running: () => runProbe(),
      container: () => (there ? containerRow() : refuse("not_found", "There is no such container any more.")),
      terminals: () => [terminalRow({ ended: { code: 0, failure: null } })],
      view_terminal: () => null,
      close_view: () => null,
    });
    const { rerender } = render(ContainerPage, { id, changes: 0 });
    await screen.findByText("Ended with exit code 0");
    there = false;
    await rerender({ changes: 1 });
    expect(await screen.findByText(/It is not there any more/)).toBeVisible();
    expect(screen.getByText("Ended with exit code 0")).toBeVisible();
    expect(screen.getAllByRole("tab")).toHaveLength(1);
    expect(screen.queryByRole("button", { name: "Start again" })).toBeNull();
  });
});

describe("a container's changes", () => {
  it("are not called none before they are known", async () => {
    navigation.containerTab = "changes";
    const late = held<unknown>();
    engine({ container_changes: () => late.promise });
    render(ContainerPage, { id, changes: 0 });
    expect(await screen.findByRole("status", { name: "Listing the changes" })).toBeInTheDocument();
    expect(screen.queryByText("Nothing is changed")).toBeNull();
    late.settle([]);
    expect(await screen.findByText("Nothing is changed")).toBeVisible();
  });

  it("are listed with what they are, and are made undone one by one", async () => {
    navigation.containerTab = "changes";
    const fake = engine();
    render(ContainerPage, { id, changes: 0 });
    expect(
      await screen.findByText("5 changes: 3 added, 1 changed, 1 removed, 1.21 kB of files"),
    ).toBeVisible();
    expect(screen.queryByText("/srv/www/index")).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Changes in /srv/www" }));
    expect(screen.getByText("/srv/www/index")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Revert /etc/motd" }));
    await waitFor(() => {
      expect(fake.asked("edit_container")).toEqual([
        { container: id, edits: [{ kind: "revert", path: "etc/motd" }] },
      ]);
    });
  });
});

describe("a container's settings", () => {
  it("are saved as a whole, and only when they differ", async () => {
    navigation.containerTab = "settings";
    const fake = engine({ set_container_settings: () => null });
    render(ContainerPage, { id, changes: 0 });
    const field = await screen.findByRole("textbox", { name: "Environment" });
    const save = screen.getByRole("button", { name: "Save settings" });
    expect(save).toBeDisabled();
    await fireEvent.input(field, { target: { value: "PATH=/bin\nMODE=production\n" } });
    await userEvent.click(save);
    await waitFor(() => {
      expect(fake.asked("set_container_settings")).toEqual([
        { container: id, settings: containerSettings({ env: ["PATH=/bin", "MODE=production"] }) },
      ]);
    });
  });

  it("that were typed and not saved are there after a look elsewhere", async () => {
    navigation.containerTab = "settings";
    engine();
    const first = render(ContainerPage, { id, changes: 0 });
    await userEvent.type(await screen.findByRole("textbox", { name: "User" }), "daemon");
    first.unmount();
    render(ContainerPage, { id, changes: 0 });
    const field = await screen.findByRole("textbox", { name: "User" });
    expect(field).toHaveValue("daemon");
    expect(screen.getByRole("button", { name: "Save settings" })).toBeEnabled();
    await userEvent.clear(field);
  });

  it("stay in the form where they are refused", async () => {
    navigation.containerTab = "settings";
    engine({ set_container_settings: () => refuse("usage", "=x is not of the form NAME=value.") });
    render(ContainerPage, { id, changes: 0 });
    await userEvent.type(await screen.findByRole("textbox", { name: "Environment" }), "x");
    await userEvent.click(screen.getByRole("button", { name: "Save settings" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("is not of the form NAME=value");
    expect(screen.getByRole("textbox", { name: "Environment" })).toHaveValue("PATH=/binx");
  });
});
