import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import Documents from "./Documents.svelte";

const text = JSON.stringify(Array.from({ length: 2500 }, (_, index) => `line${String(index)}`));

it("says how much of a long document is shown, and shows all of it on demand", async () => {
  render(Documents, {
    documents: [{ kind: "config", mediaType: "application/json", text, size: text.length }],
  });
  expect(screen.queryByText(/line2400"/)).toBeNull();
  await userEvent.type(screen.getByRole("textbox", { name: "Find in JSON" }), "line2400");
  expect(screen.getByText(/, 1 line matches/)).toBeVisible();
  expect(screen.getByText(/line2400"/)).toBeVisible();
  await userEvent.clear(screen.getByRole("textbox", { name: "Find in JSON" }));
  await userEvent.click(screen.getByRole("button", { name: /^Show all 2.502 lines$/ }));
  expect(screen.getByText(/line2400"/)).toBeVisible();
});
