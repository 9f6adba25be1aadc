import { beforeEach, expect, it } from "vitest";
import { navigation } from "./navigation.svelte";

beforeEach(() => {
  navigation.closeImage();
  navigation.closeContainer();
  navigation.repository = navigation.place = navigation.placeImage = null;
  navigation.go("images");
});

it("goes back to the list of the screen that is shown already", () => {
  navigation.openImage("sha256:a");
  navigation.visit("images");
  expect(navigation.image).toBeNull();
  navigation.openContainer("c1");
  navigation.visit("containers");
  expect(navigation.container).toBeNull();
  navigation.openRepository("nginx");
  navigation.visit("search");
  expect(navigation.repository).toBeNull();
});

it("leads to the search and not to what was chosen in a registry", () => {
  navigation.openRepository("a.example/app", "a.example");
  navigation.openRemote("a.example/app:1");
  navigation.visit("disk");
  navigation.visit("search");
  expect([navigation.repository, navigation.repositoryOf, navigation.remote]).toEqual([null, null, null]);
});

it("keeps what is open on a screen that is shown again", () => {
  navigation.openImage("sha256:a");
  navigation.visit("disk");
  navigation.visit("images");
  expect(navigation.image).toBe("sha256:a");
});

it("goes back to the list of an engine that is shown already", () => {
  navigation.visitPlace("docker");
  navigation.placeImage = "sha256:a";
  navigation.visit("disk");
  navigation.visitPlace("docker");
  expect(navigation.placeImage).toBe("sha256:a");
  navigation.visitPlace("docker");
  expect(navigation.placeImage).toBeNull();
});
