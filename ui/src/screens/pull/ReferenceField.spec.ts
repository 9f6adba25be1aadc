import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import ReferenceField from "./ReferenceField.svelte";

test("Enter takes what was typed and leaves no list over the answer", async () => {
  const oncomplete = vi.fn();
  render(ReferenceField, {
    value: "debian",
    completions: [{ reference: "debian:12", kind: "local" }],
    oninput: () => {},
    oncomplete,
  });
  const field = screen.getByRole("combobox");
  await userEvent.type(field, "x");
  expect(field).toHaveAttribute("aria-expanded", "true");
  await userEvent.keyboard("{Enter}");
  expect(field).toHaveAttribute("aria-expanded", "false");
  expect(oncomplete).not.toHaveBeenCalled();
});
