import { expect, it } from "vitest";
import { archiveName, savedAs } from "./archive";

const DEBIAN = { target: "sha256:d", names: ["debian:12", "debian:latest"] };
const TEAM = { target: "sha256:t", names: ["registry.team.dev:5000/data/model:v3"] };
const NAMELESS = { target: "sha256:n", names: [] };

it("names a file after its one image", () => {
  expect(archiveName([DEBIAN])).toBe("debian-12.tar");
  expect(archiveName([TEAM], "tar.gz")).toBe("registry.team.dev-5000-data-model-v3.tar.gz");
  expect(archiveName([NAMELESS])).toBe("images.tar");
  expect(archiveName([DEBIAN, TEAM])).toBe("images.tar");
});

it("takes an image along by its names, or else by its digest", () => {
  expect(savedAs([DEBIAN, NAMELESS])).toEqual(["debian:12", "debian:latest", "sha256:n"]);
});
