import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { software } from "../../test/comparison";
import { fakeEngine, refuse } from "../../test/engine";
import SoftwarePanel from "./SoftwarePanel.svelte";

const target = "sha256:aaaa";

describe("the software of an image", () => {
  it("is listed, counted and searched", async () => {
    const engine = fakeEngine({ image_software: () => software() });
    render(SoftwarePanel, { props: { target } });
    expect(await screen.findByText("2 packages")).toBeVisible();
    expect(engine.asked("image_software")).toEqual([{ target }]);
    expect(screen.getByText("dpkg")).toBeVisible();
    await userEvent.type(screen.getByRole("textbox", { name: "Search packages" }), "5.2 BASH");
    expect(screen.getByRole("gridcell")).toHaveTextContent(/bash\s*5\.2-2\s*amd64/);
    expect(screen.getByRole("status")).toHaveTextContent("1 of 2 packages");
    await userEvent.type(screen.getByRole("textbox", { name: "Search packages" }), "x");
    expect(screen.getByText("No package matches.")).toBeVisible();
  });

  it("says what was looked for where there is none", async () => {
    fakeEngine({ image_software: () => software({ packages: [], databases: [] }) });
    render(SoftwarePanel, { props: { target } });
    expect(await screen.findByText("No packages found")).toBeVisible();
    await userEvent.click(screen.getByText("Where was looked"));
    expect(screen.getByText("/var/lib/rpm/rpmdb.sqlite")).toBeInTheDocument();
  });

  it("says what cannot be read beside what can", async () => {
    const unreadable = ["/var/lib/rpm/Packages: it is damaged"];
    fakeEngine({ image_software: () => software({ unreadable }) });
    render(SoftwarePanel, { props: { target } });
    expect(await screen.findByRole("note")).toHaveTextContent("it is damaged");
    expect(screen.getAllByRole("gridcell")).toHaveLength(2);
  });

  it("tries again after a refusal", async () => {
    let works = false;
    fakeEngine({
      image_software: () => (works ? software() : refuse("corrupt_layer", "It cannot be read.")),
    });
    render(SoftwarePanel, { props: { target } });
    expect(await screen.findByRole("alert")).toHaveTextContent("It cannot be read.");
    works = true;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("2 packages")).toBeVisible();
  });
});
