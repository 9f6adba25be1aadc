import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import DialogFixture from "../test/DialogFixture.svelte";

test("Enter and Ctrl Enter do what the default button does", async () => {
  const onsubmit = vi.fn();
  render(DialogFixture, { onsubmit });
  await userEvent.type(await screen.findByRole("textbox"), "a{Enter}");
  expect(onsubmit).toHaveBeenCalledTimes(1);
  await userEvent.keyboard("{Control>}{Enter}{/Control}");
  expect(onsubmit).toHaveBeenCalledTimes(2);
});

test("a busy button swallows its click, Enter and Ctrl Enter", async () => {
  const onsubmit = vi.fn();
  render(DialogFixture, { onsubmit, busy: true });
  await userEvent.type(await screen.findByRole("textbox"), "a{Enter}{Control>}{Enter}{/Control}");
  await userEvent.click(screen.getByRole("button", { name: "Do it" }));
  expect(onsubmit).not.toHaveBeenCalled();
});

test("a button that cannot be pressed does not answer Ctrl Enter", async () => {
  const onsubmit = vi.fn();
  render(DialogFixture, { onsubmit, disabled: true });
  await userEvent.type(await screen.findByRole("textbox"), "a{Control>}{Enter}{/Control}");
  expect(onsubmit).not.toHaveBeenCalled();
});
