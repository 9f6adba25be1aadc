import { describe, expect, it } from "vitest";
import { hostOf, withHost } from "./host";

describe("a reference's registry", () => {
  it("is the first part where that looks like a host", () => {
    expect(hostOf("debian:12")).toBe("docker.io");
    expect(hostOf("team/app")).toBe("docker.io");
    expect(hostOf("localhost/app")).toBe("localhost");
    expect(hostOf("a.example:5000/app")).toBe("a.example:5000");
    expect(withHost("debian:12", "a.example")).toBe("a.example/debian:12");
    expect(withHost("a.example/x/y:1", "b.example")).toBe("b.example/x/y:1");
  });
});
