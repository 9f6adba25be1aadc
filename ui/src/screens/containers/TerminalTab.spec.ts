import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { containers } from "../../state/containers.svelte";
import { running } from "../../state/running.svelte";
import { containerRow, runForm, runProbe, terminalRow } from "../../test/containers";
import { fakeEngine, held, refuse, type FakeEngine } from "../../test/engine";
import TerminalTab from "./TerminalTab.svelte";
import type { ProgramEnd, TerminalRow } from "../../api";

const row = containerRow();
const runs = containerRow({ running: true, status: "running" });
const onleave = vi.fn();
const onended = vi.fn();
let list: TerminalRow[] = [];
let end = held<ProgramEnd | null>();

function engine(handlers: Parameters<typeof fakeEngine>[0] = {}): FakeEngine {
  return fakeEngine({
    probe_running: () => runProbe(),
    terminals: () => list,
    run_form: () => runForm(),
    check_run_form: () => ({ commandLine: "docker run -it data:v2", problems: [] }),
    start_in_terminal: () => {
      list = [terminalRow()];
      return terminalRow();
    },
    view_terminal: () => end.promise,
    view_drawn: () => null,
    close_view: () => null,
    terminal_input: () => null,
    terminal_resize: () => null,
    containers: () => [row],
    ...handlers,
  });
}

/** What a running view is sent, as the shell would send it. */
function write(fake: FakeEngine, text: string): void {
  const args = fake.asked("view_terminal").at(-1) as {
    onOutput: { onmessage: (bytes: ArrayBuffer) => void };
  };
  args.onOutput.onmessage(new TextEncoder().encode(text).buffer);
}

function props(container = row): Parameters<typeof render<typeof TerminalTab>>[1] {
  return { row: container, gone: false, changes: 0, onended, onleave };
}

beforeEach(async () => {
  list = [];
  end = held();
  onleave.mockClear();
  onended.mockClear();
  running.failed.clear();
  containers.rows = [];
  engine();
  await running.learnAgain();
});

describe("a container's terminal", () => {
  it("is started with the same command for docker in sight, and gets the keyboard", async () => {
    const fake = engine();
    const { rerender } = render(TerminalTab, props());
    expect(await screen.findByText("docker run -it data:v2")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Start in a terminal" }));
    await rerender({ ...props(runs), changes: 1 });
    const input = await screen.findByRole("textbox", { name: "Terminal of keen-otter, Container" });
    await waitFor(() => {
      expect(input).toHaveFocus();
    });
    expect(screen.getByText("Running; it ends when this window is closed.")).toBeVisible();
    expect(fake.asked("start_in_terminal")).toMatchObject([{ container: row.id, size: { rows: 24 } }]);
  });

  it("shows what comes and says how far it has drawn", async () => {
    list = [terminalRow()];
    const fake = engine();
    render(TerminalTab, props(runs));
    await waitFor(() => {
      expect(fake.asked("view_terminal")).toHaveLength(1);
    });
    write(fake, "hello\r\n");
    await waitFor(() => {
      expect(fake.asked("view_drawn")).toMatchObject([{ bytes: 7 }]);
    });
    write(fake, "again");
    await waitFor(() => {
      expect(fake.asked("view_drawn").at(-1)).toMatchObject({ bytes: 12 });
    });
  });

  it("sends what is typed, Esc and Ctrl keys too, and gives the keyboard back for Shift Esc", async () => {
    list = [terminalRow()];
    const fake = engine();
    render(TerminalTab, props(runs));
    const input = await screen.findByRole("textbox", { name: /^Terminal of/ });
    input.focus();
    await fireEvent.keyDown(input, { key: "Escape", keyCode: 27 });
    await waitFor(() => {
      expect(fake.asked("terminal_input")).toEqual([{ terminal: "t0", text: "\u001b" }]);
    });
    expect(onleave).not.toHaveBeenCalled();
    await fireEvent.keyDown(input, { key: "Escape", keyCode: 27, shiftKey: true });
    expect(onleave).toHaveBeenCalledOnce();
    expect(fake.asked("terminal_input")).toHaveLength(1);
  });

  it("says how it ended and starts again", async () => {
    list = [terminalRow()];
    const fake = engine();
    const { rerender } = render(TerminalTab, props(runs));
    await waitFor(() => {
      expect(fake.asked("view_terminal")).toHaveLength(1);
    });
    const ended = { code: 3, failure: null };
    list = [terminalRow({ ended })];
    end.settle(ended);
    await rerender({ ...props(), changes: 1 });
    expect(await screen.findByText("Ended with exit code 3")).toBeVisible();
    expect(onended).toHaveBeenCalledOnce();
    await userEvent.click(screen.getByRole("button", { name: "Start again" }));
    await waitFor(() => {
      expect(fake.asked("start_in_terminal")).toHaveLength(1);
    });
  });

  it("runs one more command beside it", async () => {
    list = [terminalRow()];
    const fake = engine({
      exec_in_container: () => {
        const more = terminalRow({ id: "t1", title: "ls /", first: false });
        list = [...list, more];
        return more;
      },
    });
    render(TerminalTab, props(runs));
    await userEvent.type(await screen.findByRole("textbox", { name: "Command" }), "ls /{Enter}");
    expect(await screen.findByRole("radio", { name: "ls /" })).toBeChecked();
    expect(fake.asked("exec_in_container")).toMatchObject([{ container: row.id, command: "ls /" }]);
    expect(await screen.findByRole("textbox", { name: "Terminal of keen-otter, ls /" })).toBeInTheDocument();
  });

  it("keeps why a command was refused beside its field", async () => {
    list = [terminalRow()];
    engine({ exec_in_container: () => refuse("usage", "a quote is not closed.") });
    render(TerminalTab, props(runs));
    await userEvent.type(await screen.findByRole("textbox", { name: "Command" }), "sh -c '{Enter}");
    expect(await screen.findByRole("alert")).toHaveTextContent("a quote is not closed.");
  });

  it("says why a start was refused", async () => {
    engine({
      start_in_terminal: () => refuse("cannot_run", "User namespaces are off.", "Ask an administrator."),
    });
    render(TerminalTab, props());
    await userEvent.click(await screen.findByRole("button", { name: "Start in a terminal" }));
    expect(await screen.findByRole("alert")).toHaveTextContent(
      /User namespaces are off.*Ask an administrator/,
    );
  });
});
