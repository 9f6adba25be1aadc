import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { containerRow } from "../../test/containers";
import { FileEdits } from "./file_edits.svelte";
import FileToolbar from "./FileToolbar.svelte";
import { WorkingContainer } from "./working.svelte";

it("offers what can be done with what is chosen, and nothing where nothing can be changed", async () => {
  const working = new WorkingContainer(containerRow().id);
  const edits = new FileEdits(
    () => working,
    () => undefined,
  );
  const wanted: boolean[] = [];
  render(FileToolbar, { edits, changedOnly: false, onchangedonly: (only) => wanted.push(only) });
  for (const name of ["New folder", "New file", "Add files…", "Rename", "Delete"])
    expect(screen.getByRole("button", { name })).toBeDisabled();
  working.row = containerRow();
  expect(await screen.findByRole("button", { name: "New folder" })).toBeEnabled();
  expect(screen.getByRole("button", { name: "Rename" })).toBeDisabled();
  await userEvent.click(screen.getByRole("button", { name: "New file" }));
  expect(dialogs.current).toMatchObject({ kind: "name", request: { title: "New file", subtitle: "In /" } });
  await userEvent.click(screen.getByRole("button", { name: "Changed only" }));
  expect(wanted).toEqual([true]);
});
