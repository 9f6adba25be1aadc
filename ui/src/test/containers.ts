import type {
  ContainerChange,
  ContainerRow,
  ContainerSettings,
  RunForm,
  RunProbe,
  TerminalRow,
} from "../api";

export function containerRow(changes: Partial<ContainerRow> = {}): ContainerRow {
  return {
    id: "c".repeat(64),
    name: "keen-otter",
    image: "data:v2",
    imageId: "sha256:3b3f5b000fda77",
    target: "sha256:target-of-data",
    created: "2026-01-02T03:04:05Z",
    status: "created",
    running: false,
    exitCode: null,
    started: null,
    ended: null,
    changes: 4,
    size: 1_200_000,
    ...changes,
  };
}

export function containerChange(path: string, changes: Partial<ContainerChange> = {}): ContainerChange {
  return {
    path,
    place: `/${path}`,
    folder: path.slice(0, Math.max(0, path.lastIndexOf("/"))),
    change: "added",
    kind: "file",
    size: 100,
    onlyInside: false,
    ...changes,
  };
}

/** A changed file, a removed one, and a new folder with two files in it. */
export function someChanges(): ContainerChange[] {
  const way = { kind: "folder", change: "changed", onlyInside: true, size: 0 } as const;
  return [
    containerChange("etc", way),
    containerChange("etc/app.conf", { change: "changed", size: 11 }),
    containerChange("etc/motd", { change: "removed", size: 6 }),
    containerChange("srv", way),
    containerChange("srv/www", { kind: "folder", size: 0 }),
    containerChange("srv/www/index", { size: 1000 }),
    containerChange("srv/www/style", { size: 200 }),
  ];
}

export function containerSettings(changes: Partial<ContainerSettings> = {}): ContainerSettings {
  return {
    cmd: ["serve"],
    entrypoint: [],
    env: ["PATH=/bin"],
    ports: [],
    workdir: "",
    user: "",
    labels: [],
    volumes: [],
    ...changes,
  };
}

export function terminalRow(changes: Partial<TerminalRow> = {}): TerminalRow {
  return { id: "t0", title: "", first: true, terminal: true, ended: null, ...changes };
}

export function runProbe(changes: Partial<RunProbe> = {}): RunProbe {
  return {
    canRun: true,
    privateNetwork: true,
    networkProgram: "pasta",
    noLimits: null,
    findings: [],
    ...changes,
  };
}

export function runForm(changes: Partial<RunForm> = {}): RunForm {
  return {
    command: "",
    entrypoint: "",
    env: "",
    mounts: [],
    memory: [],
    ports: [],
    network: "private",
    user: "",
    workdir: "",
    hostname: "",
    memoryLimit: "",
    cpus: "",
    processes: "",
    readOnly: false,
    terminal: true,
    stdin: true,
    remove: false,
    ...changes,
  };
}
