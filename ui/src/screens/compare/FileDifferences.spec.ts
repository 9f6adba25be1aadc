import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { fileDifference, filesPage } from "../../test/comparison";
import { fakeEngine, refuse } from "../../test/engine";
import FileDifferences from "./FileDifferences.svelte";
import { ComparedFiles } from "./files.svelte";

const nobody = (): void => {};

describe("the files that differ", () => {
  it("are filtered, narrowed and sorted by the engine", async () => {
    const engine = fakeEngine({ compared_files: () => filesPage([fileDifference("/etc/motd")]) });
    render(FileDifferences, { files: new ComparedFiles("c"), onopen: nobody });
    await screen.findByRole("button", { name: /motd/ });
    await userEvent.type(screen.getByRole("textbox", { name: "Filter files" }), "motd");
    await userEvent.click(screen.getByRole("radio", { name: "Changed 1" }));
    await userEvent.click(screen.getByRole("radio", { name: "Largest first" }));
    await waitFor(() => {
      expect(engine.asked("compared_files").at(-1)).toMatchObject({
        comparison: "c",
        query: { words: "motd", change: "changed", largestFirst: true, offset: 0 },
      });
    });
  });

  it("are fetched as they come into sight", async () => {
    const engine = fakeEngine({
      compared_files: (args) => {
        const { offset } = args["query"] as { offset: number };
        const rows = Array.from({ length: 200 }, (_, at) => fileDifference(`/file-${String(offset + at)}`));
        return filesPage(rows, { total: 1000 });
      },
    });
    const files = new ComparedFiles("c");
    render(FileDifferences, { files, onopen: nobody });
    await screen.findByRole("button", { name: /file-0 / });
    files.show(350, 420);
    await waitFor(() => {
      expect(files.row(410)?.path).toBe("/file-410");
    });
    const offsets = engine
      .asked("compared_files")
      .map((args) => (args["query"] as { offset: number }).offset);
    expect(offsets).toEqual([0, 200, 400]);
  });

  it("say why they are missing, and that none matches", async () => {
    let works = false;
    fakeEngine({ compared_files: () => (works ? filesPage([]) : refuse("not_found", "Too long ago.")) });
    render(FileDifferences, { files: new ComparedFiles("c"), onopen: nobody });
    expect(await screen.findByRole("alert")).toHaveTextContent("Too long ago.");
    works = true;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("All files are the same.")).toBeVisible();
    await userEvent.type(screen.getByRole("textbox", { name: "Filter files" }), "x");
    expect(await screen.findByText("No file matches.")).toBeVisible();
  });
});
