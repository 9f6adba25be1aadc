import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { comparison } from "../../test/comparison";
import PackageDifferences from "./PackageDifferences.svelte";

describe("the packages that differ", () => {
  it("are narrowed by a word and by what became of them", async () => {
    render(PackageDifferences, { rows: comparison().packages, unreadable: [] });
    expect(screen.getAllByRole("gridcell")).toHaveLength(2);
    await userEvent.click(screen.getByRole("radio", { name: "Added 1" }));
    expect(screen.getByRole("gridcell")).toHaveTextContent(/zlib1g\s*1\.3/);
    await userEvent.type(screen.getByRole("textbox", { name: "Filter packages" }), "BASH");
    expect(screen.getByText("No package matches.")).toBeVisible();
    await userEvent.click(screen.getByRole("radio", { name: "All" }));
    expect(screen.getByRole("gridcell")).toHaveTextContent("bash");
  });

  it("say what could not be read, and never that nothing differs then", () => {
    render(PackageDifferences, { rows: [], unreadable: ["/var/lib/rpm/Packages: it is damaged"] });
    expect(screen.getByRole("note")).toHaveTextContent("it is damaged");
    expect(screen.queryByText("Both have the same packages.")).toBeNull();
  });
});
