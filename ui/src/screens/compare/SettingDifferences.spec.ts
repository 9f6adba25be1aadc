import { render, screen } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import SettingDifferences from "./SettingDifferences.svelte";

describe("the settings that differ", () => {
  it("stand one above the other, escaped", () => {
    render(SettingDifferences, {
      rows: [
        { key: "Env.PATH", a: "/bin", b: "/usr/\u202ebin" },
        { key: "Cmd", a: null, b: '["sh"]' },
      ],
    });
    const region = screen.getByRole("region", { name: "Settings that differ" });
    expect(region).toHaveTextContent(/Variable\s*PATH\s*A\s*\/bin\s*B\s*\/usr\/\\u\{202e\}bin/);
    expect(region).toHaveTextContent(/Command\s*A\s*not set\s*B\s*\["sh"\]/);
  });

  it("may be none", () => {
    render(SettingDifferences, { rows: [] });
    expect(screen.getByText("All settings are the same.")).toBeVisible();
  });
});
