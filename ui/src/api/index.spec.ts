import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { afterEach, describe, expect, it } from "vitest";
import { api, ApiError, toApiError } from ".";

afterEach(() => {
  clearMocks();
});

describe("api", () => {
  it("gives the command's data as plain data", async () => {
    mockIPC((command, args) => {
      expect(command).toBe("complete_reference");
      expect(args).toEqual({ text: "deb" });
      return [{ reference: "debian:12", kind: "local" }];
    });
    await expect(api.completeReference("deb")).resolves.toEqual([{ reference: "debian:12", kind: "local" }]);
  });

  it("throws the engine's refusal with code, message and hint", async () => {
    mockIPC(() => {
      // The shell rejects with the serialised error, which is not an Error object.
      throw { code: "unknown_host", message: "No host is called nowhere.example.", hint: "Check the name." };
    });
    const refused = await api.planPull("nowhere.example/a", null).catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({
      code: "unknown_host",
      message: "No host is called nowhere.example.",
      hint: "Check the name.",
    });
  });

  it("calls a rejected argument internal and keeps its words", async () => {
    mockIPC(() => {
      throw "invalid args `reference` for command `plan_pull`";
    });
    await expect(api.planPull("a", null)).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining("invalid args") as string,
    });
  });

  it("hands every progress event of a pull to its listener", async () => {
    mockIPC((_command, args) => {
      const { onEvent } = args as { onEvent: { onmessage: (event: unknown) => void } };
      onEvent.onmessage({ kind: "stored", digest: "sha256:aa" });
      return { images: [], moved: [], fetchedBytes: 1, reusedBytes: 0, target: "sha256:bb" };
    });
    const heard: unknown[] = [];
    const outcome = await api.pull("one", "debian", null, (event) => heard.push(event));
    expect(heard).toEqual([{ kind: "stored", digest: "sha256:aa" }]);
    expect(outcome.target).toBe("sha256:bb");
  });
});

describe("toApiError", () => {
  it("leaves an ApiError as it is", () => {
    const error = new ApiError("busy", "Busy", null);
    expect(toApiError(error)).toBe(error);
  });
});
