import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import Documents from "./Documents.svelte";

const text = JSON.stringify(Array.from({ length: 50 }, (_, index) => `line${String(index)}`));

it("says how much of a long document is shown, and shows all of it on demand", async () => {
  render(Documents, {
    documents: [{ kind: "config", mediaType: "application/json", text, size: text.length }],
    first: 20,
  });
  expect(screen.queryByText(/line40"/)).toBeNull();
  await userEvent.type(screen.getByRole("textbox", { name: "Find in JSON" }), "line40");
  expect(screen.getByText(/, 1 line matches/)).toBeVisible();
  expect(screen.getByText(/line40"/)).toBeVisible();
  await userEvent.clear(screen.getByRole("textbox", { name: "Find in JSON" }));
  await userEvent.click(screen.getByRole("button", { name: "Show all 52 lines" }));
  expect(screen.getByText(/line40"/)).toBeVisible();
});

it("colours the lines that it begins with, and draws what else was asked for in one piece", async () => {
  const { container } = render(Documents, {
    documents: [{ kind: "config", mediaType: "application/json", text, size: text.length }],
    first: 20,
  });
  expect(container.querySelectorAll("pre .string")).toHaveLength(19);
  await userEvent.click(screen.getByRole("button", { name: "Show all 52 lines" }));
  expect(container.querySelectorAll("pre .string")).toHaveLength(19);
  expect(container.querySelectorAll("pre > .untrusted")).toHaveLength(1);
  expect(container.querySelector("pre")?.textContent.trim()).toBe(JSON.stringify(JSON.parse(text), null, 2));
});
