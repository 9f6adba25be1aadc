import { describe, expect, it } from "vitest";
import { containerSettings } from "../../test/containers";
import { layeredDetail } from "../../test/files";
import { configRows, readLines, readWords, words } from "./config";

describe("words of a command", () => {
  it("come back as they were written", () => {
    for (const list of [[], ["serve"], ["sh", "-c", 'echo "a b"'], ["[x"]]) {
      expect(readWords(words(list))).toEqual(list);
    }
  });

  it("are cut at spaces where they are no list", () => {
    expect(readWords(" serve  --port 80 ")).toEqual(["serve", "--port", "80"]);
    expect(readWords("[ -f /etc/motd ]")).toEqual(["[", "-f", "/etc/motd", "]"]);
    expect(readWords("[1, 2]")).toEqual(["[1,", "2]"]);
    expect(readLines("A=1\n\n B=2 ")).toEqual(["A=1", "B=2"]);
  });
});

describe("the configuration of the image to be", () => {
  it("says what is kept, what comes and what goes", () => {
    const image = {
      ...layeredDetail().config,
      cmd: ["serve"],
      env: [
        { key: "PATH", value: "/bin" },
        { key: "OLD", value: "1" },
      ],
      user: "root",
    };
    const now = containerSettings({ env: ["PATH=/bin", "MODE=production"], user: "www", ports: ["80/tcp"] });
    expect(configRows(image, now)).toEqual([
      { label: "Command", lines: [{ text: '["serve"]', mark: "" }] },
      {
        label: "Environment",
        lines: [
          { text: "OLD=1", mark: "-" },
          { text: "MODE=production", mark: "+" },
        ],
      },
      { label: "Ports", lines: [{ text: "80/tcp", mark: "+" }] },
      {
        label: "User",
        lines: [
          { text: "root", mark: "-" },
          { text: "www", mark: "+" },
        ],
      },
    ]);
  });
});
