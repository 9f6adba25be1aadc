import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { toasts } from "../../state/toasts.svelte";
import { fakeEngine, refuse } from "../../test/engine";
import SignInDialog from "./SignInDialog.svelte";

const accepted = { host: "a.example", kept: "kept in the system's keyring", wasAsked: true };

async function fill(): Promise<void> {
  await userEvent.type(screen.getByLabelText("User name"), "kate");
  await userEvent.type(screen.getByLabelText("Password or token"), "s3cret{Enter}");
}

beforeEach(() => {
  dialogs.close();
  toasts.list = [];
});

describe("the sign-in dialog", () => {
  it("tries the login at once and says where it is kept", async () => {
    const closed = vi.fn();
    const engine = fakeEngine({ logins: () => [], sign_in: () => accepted });
    render(SignInDialog, { host: "a.example", onclose: closed });
    await fill();
    expect(engine.asked("sign_in")).toEqual([
      { host: "a.example", username: "kate", secret: "s3cret", plainText: false },
    ]);
    expect(toasts.list[0]?.detail).toBe("The login is kept in the system's keyring.");
    expect(closed).toHaveBeenCalledOnce();
  });

  it("shows a refusal and takes the password out of the field", async () => {
    fakeEngine({
      logins: () => [],
      sign_in: () => refuse("unauthorized", "a.example refused it.", "Try again."),
    });
    render(SignInDialog, { host: "a.example" });
    await fill();
    expect(await screen.findByRole("alert")).toHaveTextContent("a.example refused it.");
    expect(screen.getByLabelText("Password or token")).toHaveValue("");
  });

  it("writes nothing in plain text before that was agreed to", async () => {
    const engine = fakeEngine({
      logins: () => [],
      sign_in: ({ plainText }) => (plainText === true ? accepted : refuse("no_keyring", "No keyring.")),
    });
    render(SignInDialog, { host: "a.example" });
    await fill();
    const consent = await screen.findByRole("checkbox", { name: "Keep it in plain text all the same" });
    expect(consent).not.toBeChecked();
    expect(screen.getByRole("button", { name: "Sign in" })).toBeDisabled();
    await userEvent.click(consent);
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect(engine.asked("sign_in").map(({ plainText }) => plainText)).toEqual([false, true]);
  });

  it("opens again what it was opened from", async () => {
    fakeEngine({ logins: () => [], sign_in: () => accepted });
    const then = { kind: "push" as const, image: { target: "sha256:a", names: ["app:1"] } };
    render(SignInDialog, { host: "a.example", then });
    await fill();
    expect(dialogs.current).toEqual(then);
  });
});
