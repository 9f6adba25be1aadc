import { describe, expect, it } from "vitest";
import { growth, settingTitle } from "./words";

describe("the words of a comparison", () => {
  it("calls settings what people call them", () => {
    expect(settingTitle("Env.PATH")).toEqual({ kind: "Variable", name: "PATH" });
    expect(settingTitle("Labels.org.example.team")).toEqual({ kind: "Label", name: "org.example.team" });
    expect(settingTitle("Cmd")).toEqual({ kind: "", name: "Command" });
    expect(settingTitle("Later")).toEqual({ kind: "", name: "Later" });
  });

  it("says how many bytes more or less", () => {
    expect(growth(null, 1_200_000)).toBe("+1.2 MB");
    expect(growth(40_000, null)).toBe("\u221240 kB");
    expect(growth(7, 7)).toBe("±0 B");
  });
});
