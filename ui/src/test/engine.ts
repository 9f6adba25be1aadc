import { mockIPC } from "@tauri-apps/api/mocks";
import type {
  ImageRow,
  Place,
  Plan,
  PullEvent,
  PullPlan,
  PushPlan,
  RemoteTag,
  Settings,
  StoreStatus,
} from "../api";

type Arguments = Record<string, unknown>;
type Handlers = Record<string, (args: Arguments) => unknown>;

/** What was asked of the engine that a spec put in place. */
export interface FakeEngine {
  /** Every command with its arguments, in order. */
  calls: [command: string, args: Arguments][];
  /** The arguments of every call of one command. */
  asked: (command: string) => Arguments[];
}

/** Puts handlers in the place of the shell; a command without one fails the spec by its refusal. */
export function fakeEngine(handlers: Handlers): FakeEngine {
  const calls: [string, Arguments][] = [];
  mockIPC(
    (command, payload) => {
      const args = (payload ?? {}) as Arguments;
      calls.push([command, args]);
      const handler = handlers[command];
      if (!handler) refuse("internal", `the spec has no ${command}`);
      return handler(args);
    },
    { shouldMockEvents: true },
  );
  return {
    calls,
    asked: (command) => calls.filter(([name]) => name === command).map(([, args]) => args),
  };
}

/** Refuses a command as the shell does: with the plain payload, which is no Error. */
export function refuse(code: string, message: string, hint: string | null = null): never {
  throw { code, message, hint, registry: null };
}

/** Refuses as a registry does that asks for a password. */
export function refuseLogin(host: string, hint: string | null = null): never {
  throw {
    code: "unauthorized",
    message: `${host} asked for a password.`,
    hint,
    registry: { host, loginMayHelp: true },
  };
}

/** A promise that the spec settles when it wants. */
export function held<T>(): {
  promise: Promise<T>;
  settle: (value: T) => void;
  fail: (reason: unknown) => void;
} {
  let settle: (value: T) => void = () => {};
  let fail: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  return { promise, settle, fail };
}

/** Sends a progress event to a running pull, as the shell would. */
export function report(args: Arguments | undefined, event: PullEvent): void {
  (args as { onEvent: { onmessage: (event: PullEvent) => void } }).onEvent.onmessage(event);
}

export function pullPlan(changes: Partial<PullPlan> = {}): PullPlan {
  return {
    reference: "registry.team.dev/data:v3",
    familiar: "registry.team.dev/data:v3",
    digest: "sha256:aaaa",
    id: "sha256:bbbb",
    platform: "linux/amd64",
    foreign: false,
    platforms: ["linux/amd64", "linux/arm64/v8"],
    blobs: [
      { digest: "sha256:c0", size: 1_000, present: false, partial: 0, diffId: null },
      { digest: "sha256:01", size: 139_000_000, present: true, partial: 0, diffId: "sha256:d1" },
      { digest: "sha256:02", size: 41_000_000, present: false, partial: 0, diffId: "sha256:d2" },
    ],
    downloadBytes: 41_001_000,
    totalBytes: 180_001_000,
    movedFrom: null,
    upToDate: false,
    commandLine: "strata pull registry.team.dev/data:v3",
    ...changes,
  };
}

export function place(id: string, changes: Partial<Place> = {}): Place {
  return {
    id,
    title: id,
    description: null,
    address: `unix:///run/${id}.sock`,
    remote: false,
    inTheClear: false,
    current: false,
    ...changes,
  };
}

export function pushPlan(changes: Partial<PushPlan> = {}): PushPlan {
  return {
    reference: "registry.team.dev/data:v3",
    familiar: "registry.team.dev/data:v3",
    host: "registry.team.dev",
    digest: "sha256:aaaa",
    platforms: ["linux/amd64"],
    leftOut: 0,
    blobs: [
      { digest: "sha256:01", size: 139_000_000, diffId: "sha256:d1", there: "existing" },
      { digest: "sha256:02", size: 41_000_000, diffId: "sha256:d2", there: "missing" },
      { digest: "sha256:c0", size: 1_000, diffId: null, there: "missing" },
    ],
    uploadBytes: 41_001_000,
    mountedBytes: 0,
    totalBytes: 180_001_000,
    replaces: null,
    upToDate: false,
    commandLine: "strata push data:v3 registry.team.dev/data:v3",
    ...changes,
  };
}

export function remoteTag(tag: string, changes: Partial<RemoteTag> = {}): RemoteTag {
  return {
    tag,
    digest: `sha256:${tag}`,
    size: 40e6,
    platforms: ["linux/amd64", "linux/arm64"],
    created: "2024-01-02T03:04:05Z",
    local: "nothing",
    ...changes,
  };
}

export function removalPlan(changes: Partial<Plan> = {}): Plan {
  return {
    planId: "plan-1",
    untagged: [{ name: "data:v1", target: "sha256:aaaa" }],
    deleted: [
      { target: "sha256:aaaa", id: "sha256:3b3f5b000fda77", names: ["data:v1"], size: 1.1e9, layers: [] },
    ],
    untaggedOnly: [],
    blobs: 3,
    freedBytes: 88e6,
    keptBytes: 399e6,
    blocked: [],
    ...changes,
  };
}

export function imageRow(name: string, changes: Partial<ImageRow> = {}): ImageRow {
  return {
    target: `sha256:target-of-${name}`,
    id: "sha256:3b3f5b000fda77",
    names: [
      {
        full: `docker.io/library/${name}`,
        familiar: name,
        repository: name,
        namespace: "docker.io/library",
        tag: "1",
        digest: null,
      },
    ],
    size: 100e6,
    downloadSize: 40e6,
    uniqueSize: 10e6,
    sharedSize: 30e6,
    created: null,
    platform: "linux/amd64",
    foreign: false,
    dangling: false,
    damaged: false,
    runnable: true,
    inUse: [],
    layers: [],
    ...changes,
  };
}

export function storedSettings(changes: Partial<Settings> = {}): Settings {
  return {
    storePlace: "",
    parallelDownloads: 3,
    theme: "system",
    caFiles: [],
    insecureRegistries: [],
    registries: [],
    trustedRealms: [],
    notifications: true,
    author: "",
    ...changes,
  };
}

export function storeStatus(changes: Partial<StoreStatus> = {}): StoreStatus {
  return {
    root: "/home/kate/.local/share/strata",
    rootFrom: "default",
    readOnly: false,
    recovered: null,
    hostPlatform: "linux/amd64",
    version: "0.1.0",
    dragsOut: true,
    ...changes,
  };
}
