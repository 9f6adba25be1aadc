import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { places } from "../../state/places.svelte";
import { fakeEngine, place, refuse } from "../../test/engine";
import CommitDialog from "./CommitDialog.svelte";

const container = { place: "docker", id: "c1", name: "web", image: "app:1" };
const changes = (): unknown => [
  { path: "/etc/motd", kind: "added" },
  { path: "/etc", kind: "changed" },
];

beforeEach(() => {
  places.list = [place("docker", { title: "Docker" })];
});

describe("committing an engine's container", () => {
  it("shows what it changed and gives message and author along", async () => {
    const closed = vi.fn();
    const engine = fakeEngine({
      place_container_changes: changes,
      place_state: () => refuse("unreachable", "gone"),
      commit_place_container: () => "sha256:bbbb",
    });
    render(CommitDialog, { container, onclose: closed });
    expect(await screen.findByText("2 changed paths")).toBeVisible();
    await userEvent.type(screen.getByLabelText("Name"), "app:2");
    await userEvent.type(screen.getByLabelText("Message"), "Say hello");
    await userEvent.type(screen.getByLabelText("Author"), "Kate");
    await userEvent.type(screen.getByLabelText("Instructions"), "ENV A=b");
    expect(
      screen.getByText("docker commit -m 'Say hello' -a 'Kate' -c 'ENV A=b' web app:2"),
    ).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "Commit" }));
    expect(engine.asked("commit_place_container")).toEqual([
      {
        place: "docker",
        container: "c1",
        form: { name: "app:2", message: "Say hello", author: "Kate", changes: ["ENV A=b"], pause: true },
      },
    ]);
    expect(closed).toHaveBeenCalledOnce();
  });

  it("shows the command of the program that the place has", async () => {
    let kind = "Docker";
    fakeEngine({
      place_container_changes: () => [],
      place_state: () => ({ kind, version: "4.3.1", address: "unix:///x", images: 1 }),
    });
    const { unmount } = render(CommitDialog, { container });
    await userEvent.click(screen.getByRole("checkbox", { name: "Hold its processes meanwhile" }));
    expect(screen.getByText(/^docker commit --pause=false .*web$/)).toBeInTheDocument();
    unmount();
    kind = "Podman";
    await places.ask(container.place);
    render(CommitDialog, { container });
    expect(screen.getByText(/^podman commit -f docker --pause .*web$/)).toBeInTheDocument();
    await userEvent.click(screen.getByRole("checkbox", { name: "Hold its processes meanwhile" }));
    expect(screen.getByText(/^podman commit -f docker (?!--pause).*web$/)).toBeInTheDocument();
  });

  it("shows a hostile name as what it is, and quotes it for a shell", async () => {
    fakeEngine({ place_container_changes: () => [] });
    render(CommitDialog, { container: { ...container, name: "web\u202egpj; rm" } });
    expect(await screen.findByText("Commit web\\u{202e}gpj; rm")).toBeVisible();
    expect(screen.getByText(/ 'web\\u\{202e\}gpj; rm'$/)).toBeInTheDocument();
  });

  it("stays open with the engine's refusal", async () => {
    fakeEngine({
      place_container_changes: () => [],
      commit_place_container: () => refuse("engine_failed", "unknown instruction: FOO"),
    });
    render(CommitDialog, { container });
    await userEvent.click(screen.getByRole("button", { name: "Commit" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("unknown instruction: FOO");
  });
});
