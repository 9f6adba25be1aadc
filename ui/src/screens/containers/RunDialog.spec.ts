import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import type { RunForm } from "../../api";
import { containers } from "../../state/containers.svelte";
import { navigation } from "../../state/navigation.svelte";
import { running } from "../../state/running.svelte";
import { containerRow, containerSettings, runForm, runProbe, terminalRow } from "../../test/containers";
import { fakeEngine, refuse, type FakeEngine } from "../../test/engine";
import { layeredDetail } from "../../test/files";
import RunDialog from "./RunDialog.svelte";

const image = { reference: "docker.io/library/data:v2", name: "data:v2" };
const id = containerRow().id;

function engine(handlers: Parameters<typeof fakeEngine>[0] = {}): FakeEngine {
  return fakeEngine({
    probe_running: () => runProbe(),
    usual_run_form: () => runForm(),
    run_form: () => runForm({ command: "sh", env: "A=1" }),
    container_settings: () => containerSettings(),
    image: () => layeredDetail(),
    check_run_form: ({ form }) => ({
      commandLine: `docker run -it data:v2 ${(form as RunForm).command}`.trim(),
      problems: [],
    }),
    create_container: () => containerRow(),
    set_run_form: () => null,
    containers: () => [containerRow()],
    start_in_terminal: () => terminalRow(),
    start_in_background: () => null,
    remove_container: () => 0,
    ...handlers,
  });
}

beforeEach(() => {
  running.probe = null;
  containers.rows = [];
  navigation.closeContainer();
  return running.learnAgain().catch(() => undefined);
});

describe("running an image", () => {
  it("makes a container with what was said, and starts it in a terminal", async () => {
    const fake = engine();
    render(RunDialog, { props: { target: { image } } });
    const command = await screen.findByRole("textbox", { name: "Command" });
    await waitFor(() => {
      expect(command).toHaveFocus();
    });
    await userEvent.type(command, "sh -l");
    await userEvent.type(screen.getByRole("textbox", { name: "Name" }), "keen-otter");
    await userEvent.type(screen.getByRole("textbox", { name: "Environment" }), "A=1{Enter}B=2");
    await userEvent.type(screen.getByRole("textbox", { name: "Ports" }), "8080:80 53:53/udp");
    await userEvent.click(screen.getByRole("checkbox", { name: "Remove when it ends" }));
    expect(await screen.findByText("docker run -it data:v2 sh -l")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    await waitFor(() => {
      expect(fake.asked("start_in_terminal")).toMatchObject([{ container: id }]);
    });
    expect(fake.asked("create_container")).toEqual([{ image: image.reference, name: "keen-otter" }]);
    expect(fake.asked("set_run_form")).toEqual([
      {
        container: id,
        form: runForm({
          command: "sh -l",
          env: "A=1\nB=2",
          ports: ["8080:80", "53:53/udp"],
          remove: true,
          stdin: false,
        }),
      },
    ]);
    expect(navigation.container).toBe(id);
    expect(navigation.containerTab).toBe("terminal");
  });

  it("says beside a field what is wrong with it, and starts nothing", async () => {
    const fake = engine({
      check_run_form: () => ({
        commandLine: null,
        problems: [{ field: "ports", message: 'port "http" is refused: a port is 1 to 65535.' }],
      }),
    });
    render(RunDialog, { props: { target: { image } } });
    await userEvent.type(await screen.findByRole("textbox", { name: "Ports" }), "http");
    expect(await screen.findByText(/a port is 1 to 65535/)).toBeVisible();
    expect(screen.getByRole("textbox", { name: "Ports" })).toHaveAttribute("aria-invalid", "true");
    expect(screen.getByRole("button", { name: "Run" })).toBeDisabled();
    expect(fake.asked("create_container")).toEqual([]);
  });

  it("leaves no container behind whose options are refused", async () => {
    const fake = engine({ set_run_form: () => refuse("usage", "A port is taken.") });
    render(RunDialog, { props: { target: { image } } });
    await screen.findByText("docker run -it data:v2");
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("A port is taken.");
    expect(fake.asked("remove_container")).toEqual([{ container: id }]);
  });

  it("blames the name only for what is said of the name", async () => {
    engine({ set_run_form: () => refuse("usage", "A port is taken.") });
    render(RunDialog, { props: { target: { image } } });
    await screen.findByText("docker run -it data:v2");
    const name = screen.getByRole("textbox", { name: "Name" });
    await userEvent.type(name, "port");
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("A port is taken.");
    expect(name).not.toHaveAttribute("aria-invalid", "true");
  });

  it("says first why the options were refused where the container cannot be removed either", async () => {
    engine({
      set_run_form: () => refuse("usage", "A port is taken.", "Choose another one."),
      remove_container: () => refuse("busy", "The store is busy."),
    });
    render(RunDialog, { props: { target: { image } } });
    await screen.findByText("docker run -it data:v2");
    await userEvent.click(screen.getByRole("button", { name: "Run" }));
    const alert = await screen.findByRole("alert");
    expect(alert).toHaveTextContent("A port is taken. Choose another one.");
    expect(alert).toHaveTextContent(
      `The container ${containerRow().name} was made and could not be removed: The store is busy.`,
    );
  });

  it("says why nothing can run here, and makes the container all the same", async () => {
    const finding = {
      message: "no OCI runtime is installed.",
      remedy: "Install the package crun (or runc).",
      prevents: true,
    };
    engine({ probe_running: () => runProbe({ canRun: false, privateNetwork: false, findings: [finding] }) });
    await running.learnAgain();
    render(RunDialog, { props: { target: { image } } });
    expect(await screen.findByText(/Nothing can run on this computer/)).toHaveTextContent(
      "no OCI runtime is installed.",
    );
    expect(screen.getByText("Install the package crun (or runc).")).toBeVisible();
    expect(screen.queryByRole("button", { name: "Run" })).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Create" }));
    await waitFor(() => {
      expect(navigation.container).toBe(id);
    });
  });
});

describe("the options of a container", () => {
  it("are those that were said last, and are saved without a start", async () => {
    const fake = engine();
    render(RunDialog, { props: { target: { container: containerRow() } } });
    const field = await screen.findByRole("textbox", { name: "Command" });
    expect(field).toHaveValue("sh");
    expect(screen.getByRole("textbox", { name: "Environment" })).toHaveValue("A=1");
    await screen.findByText("docker run -it data:v2 sh");
    await userEvent.click(screen.getByRole("checkbox", { name: "Terminal" }));
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => {
      expect(fake.asked("set_run_form")).toMatchObject([
        { container: id, form: { terminal: false, env: "A=1" } },
      ]);
    });
    expect(fake.asked("start_in_terminal")).toEqual([]);
  });
});
