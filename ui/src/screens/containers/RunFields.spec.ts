import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { running } from "../../state/running.svelte";
import { containerRow, containerSettings, runForm, runProbe } from "../../test/containers";
import { fakeEngine } from "../../test/engine";
import { RunRequest } from "./run_request.svelte";
import RunFields from "./RunFields.svelte";

it("takes limits and lines of variables, and says once why no limit can be kept here", async () => {
  fakeEngine({
    run_form: () => runForm({ ports: ["8080:80"], mounts: ["cache:/c", "/srv:/srv:ro"] }),
    container_settings: () => containerSettings({ user: "web", cmd: ["sh", "-c", "echo in"] }),
  });
  running.probe = runProbe({ noLimits: "no control group is delegated" });
  const request = new RunRequest({ container: containerRow() });
  await request.load();
  render(RunFields, { request });
  expect(screen.queryByRole("textbox", { name: "Name" })).toBeNull();
  expect(screen.getByRole("textbox", { name: "User" })).toHaveAttribute("placeholder", "web");
  expect(screen.getByRole("textbox", { name: "Command" })).toHaveAttribute("placeholder", "sh -c 'echo in'");
  expect(screen.getByRole("textbox", { name: "Mounts" })).toHaveValue("cache:/c\n/srv:/srv:ro");
  await userEvent.type(screen.getByRole("textbox", { name: "Environment" }), "A='one{Enter}two'");
  await userEvent.type(screen.getByRole("textbox", { name: "Ports" }), ", 53:53/udp");
  await userEvent.type(screen.getByRole("textbox", { name: "CPUs" }), "1.5");
  expect(request.said).toMatchObject({
    env: "A='one\ntwo'",
    ports: ["8080:80", "53:53/udp"],
    mounts: ["cache:/c", "/srv:/srv:ro"],
    cpus: "1.5",
  });
  await userEvent.type(screen.getByRole("textbox", { name: "Processes" }), "100");
  expect(screen.getByText(/Nothing can be limited here: no control group/)).toBeVisible();
});
