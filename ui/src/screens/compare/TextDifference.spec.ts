import { render, screen } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { fileDifference } from "../../test/comparison";
import { fakeEngine, refuse } from "../../test/engine";
import TextDifference from "./TextDifference.svelte";

const nobody = (): void => {};
const shown = (answer: () => unknown): void => {
  fakeEngine({ compare_text: answer });
  render(TextDifference, { comparison: "c", file: fileDifference("/x"), onback: nobody });
};

describe("the difference of a text", () => {
  it("says what is no text", async () => {
    shown(() => ({ notText: true, hunks: [], truncated: false }));
    expect(await screen.findByText(/is no text, or longer than 1 MiB/)).toBeVisible();
    expect(screen.getByRole("button", { name: "Files" })).toHaveFocus();
  });

  it("says that only attributes differ", async () => {
    shown(() => ({ notText: false, hunks: [], truncated: false }));
    expect(await screen.findByText(/The content is the same/)).toBeVisible();
  });

  it("says that a folder has none, and what else goes wrong", async () => {
    shown(() => refuse("not_a_file", "/x is no regular file."));
    expect(await screen.findByText(/no regular file: it has no text/)).toBeVisible();
  });

  it("says what cannot be read", async () => {
    shown(() => refuse("corrupt_layer", "The layer cannot be read."));
    expect(await screen.findByRole("alert")).toHaveTextContent("The layer cannot be read.");
  });

  it("says that there is more", async () => {
    const line = { change: "added", numberA: null, numberB: 1, text: "x" };
    shown(() => ({ notText: false, hunks: [[line]], truncated: true }));
    expect(await screen.findByText(/There are more lines/)).toBeVisible();
  });
});
