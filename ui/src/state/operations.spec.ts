import { waitFor } from "@testing-library/svelte";
import { clearMocks, mockIPC } from "@tauri-apps/api/mocks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PullEvent } from "../api";
import { operations, pulling } from "./operations.svelte";
import { Operation } from "./operation.svelte";

const RESOLVED: PullEvent = {
  kind: "resolved",
  name: "docker.io/library/data:v3",
  blobs: [
    { digest: "sha256:base", size: 100, present: true, partial: 0, diffId: "sha256:d1" },
    { digest: "sha256:top", size: 50, present: false, partial: 5, diffId: "sha256:d2" },
  ],
  downloadBytes: 50,
  totalBytes: 150,
};

const OUTCOME = {
  reference: "docker.io/library/data:v3",
  upToDate: false,
  foreign: false,
  images: ["sha256:t"],
  moved: [],
  fetchedBytes: 50,
  reusedBytes: 100,
  target: "sha256:t",
};

function progress(current: number): PullEvent {
  return {
    kind: "progress",
    blobs: [{ digest: "sha256:top", current }],
    fetchedBytes: current,
    bytesPerSecond: 10,
    secondsLeft: 4,
  };
}

/** A pull command that waits until the test settles it. */
function heldPull(): {
  settle: (value: unknown) => void;
  fail: (error: unknown) => void;
  calls: unknown[][];
} {
  const held = { settle: (_: unknown) => {}, fail: (_: unknown) => {}, calls: [] as unknown[][] };
  mockIPC((command, args) => {
    held.calls.push([command, args]);
    if (command === "pull") {
      return new Promise((resolve, reject) => {
        held.settle = resolve;
        held.fail = reject;
      });
    }
    return null;
  });
  return held;
}

beforeEach(() => {
  operations.all = [];
  operations.interrupted = [];
});
afterEach(() => {
  clearMocks();
});

describe("a pull operation", () => {
  it("counts what was here already as here, and the rest from absolute counts", () => {
    const operation = new Operation(pulling("data:v3", null));
    operation.apply(RESOLVED);
    operation.apply(progress(20));
    operation.apply(progress(35));
    expect(operation.name).toBe("docker.io/library/data:v3");
    expect(operation.blobs.map((blob) => blob.current)).toEqual([100, 35]);
    expect(operation.missing.map((blob) => blob.digest)).toEqual(["sha256:top"]);
    expect(operation.secondsLeft).toBe(4);
  });

  it("shows a wait until the blob moves again", () => {
    const operation = new Operation(pulling("data:v3", null));
    operation.apply(RESOLVED);
    operation.apply(progress(20));
    operation.apply({
      kind: "retrying",
      digest: "sha256:top",
      reason: "The registry asked to wait",
      delaySeconds: 12,
    });
    operation.apply(progress(20));
    expect(operation.retry?.reason).toBe("The registry asked to wait");
    operation.apply(progress(21));
    expect(operation.retry).toBeNull();
  });

  it("takes its outcome from the promise, not from an event", async () => {
    const held = heldPull();
    const operation = operations.pull("data:v3", null);
    operation.apply(RESOLVED);
    operation.apply({ kind: "stored", digest: "sha256:top" });
    expect(operation.status).toBe("running");
    held.settle(OUTCOME);
    await waitFor(() => {
      expect(operation.status).toBe("done");
    });
    expect(operation.outcome?.target).toBe("sha256:t");
  });

  it("keeps the engine's reason when it fails", async () => {
    const held = heldPull();
    const operation = operations.pull("data:v3", null);
    held.fail({ code: "disk_full", message: "The disk is full.", hint: "Free 40 MB." });
    await waitFor(() => {
      expect(operation.status).toBe("failed");
    });
    expect(operation.error).toMatchObject({ code: "disk_full", hint: "Free 40 MB." });
  });
});

describe("operations", () => {
  it("starts the same pull once", () => {
    const held = heldPull();
    const first = operations.pull("data:v3", null);
    expect(operations.pull("data:v3", null)).toBe(first);
    expect(operations.pull("data:v3", "linux/arm64")).not.toBe(first);
    expect(held.calls.filter(([command]) => command === "pull")).toHaveLength(2);
  });

  it("cancels through the engine and ends as cancelled", async () => {
    const held = heldPull();
    const operation = operations.pull("data:v3", null);
    await operation.cancel();
    expect(held.calls).toContainEqual(["cancel", { operation: operation.id }]);
    held.fail({ code: "cancelled", message: "Cancelled.", hint: null });
    await waitFor(() => {
      expect(operation.status).toBe("cancelled");
    });
    expect(operation.error).toBeNull();
  });

  it("retries with the same request and takes the failed entry off", async () => {
    const held = heldPull();
    const failed = operations.pull("data:v3", "linux/arm64");
    held.fail({ code: "timeout", message: "No answer.", hint: null });
    await waitFor(() => {
      expect(failed.status).toBe("failed");
    });
    const again = operations.retry(failed);
    expect(operations.all).toEqual([again]);
    expect(again).toMatchObject({ subject: "data:v3", platform: "linux/arm64", status: "running" });
  });

  it("asks anew what is noted as cut off once a resumed pull has ended", async () => {
    const held = heldPull();
    const entry = { id: "lease-1", reference: "data:v3", platform: null, doneBytes: 5, totalBytes: 50 };
    operations.interrupted = [entry];
    const operation = operations.resume(entry);
    expect(operations.interrupted).toEqual([]);
    expect(held.calls.map(([command]) => command)).not.toContain("interrupted");
    held.settle(OUTCOME);
    await waitFor(() => {
      expect(operation.status).toBe("done");
      expect(held.calls.map(([command]) => command)).toContain("interrupted");
    });
    expect(held.calls.map(([command]) => command)).not.toContain("dismiss_interrupted");
  });

  it("tells its listeners every outcome once", async () => {
    const held = heldPull();
    const heard: string[] = [];
    const stop = operations.onOutcome((operation) => heard.push(operation.status));
    operations.pull("data:v3", null);
    held.settle(OUTCOME);
    await waitFor(() => {
      expect(heard).toEqual(["done"]);
    });
    stop();
  });
});
