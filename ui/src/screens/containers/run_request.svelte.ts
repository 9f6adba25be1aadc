import { api, ApiError, toApiError } from "../../api";
import type { ContainerRow, RunCheck, RunField, RunForm } from "../../api";
import type { RunTarget } from "../../state/dialogs.svelte";
import { Latest } from "../../state/latest.svelte";
import { running } from "../../state/running.svelte";
import { shellLine } from "../../text/shell";
import { readLines } from "./config";

const CHECK_PAUSE_MS = 120;

/** Removes a container that cannot be started as wanted. Returns why not; a container that stays is named beside it. */
async function withoutIt(made: ContainerRow, refused: ApiError): Promise<ApiError> {
  try {
    await api.removeContainer(made.id);
    return refused;
  } catch (thrown) {
    const { code, message, hint, registry } = refused;
    const stays = `The container ${made.name} was made and could not be removed: ${toApiError(thrown).message}`;
    return new ApiError(code, message, [hint, stays].filter(Boolean).join(" "), registry);
  }
}

/** How a container is to be started, as it is being typed. What the fields hold is read by the engine, which says what is wrong. */
export class RunRequest {
  readonly #check = new Latest<RunCheck>();
  readonly container;
  readonly image;
  /** What the image is called. */
  readonly called: string;
  form = $state<RunForm | null>(null);
  mounts = $state("");
  memory = $state("");
  ports = $state("");
  name = $state("");
  nameError = $state<string | null>(null);
  error = $state.raw<ApiError | null>(null);
  /** What the image says where a field is empty. */
  usual = $state.raw({ cmd: "", entrypoint: "", workdir: "", user: "" });
  /** What was typed, whole; null until it is known what was said before. */
  readonly said = $derived<RunForm | null>(
    this.form && {
      ...this.form,
      mounts: readLines(this.mounts),
      memory: readLines(this.memory),
      ports: this.ports.split(/[\s,]+/).filter((port) => port !== ""),
    },
  );
  readonly problems = $derived(this.#check.answer?.problems ?? []);
  /** The `docker run` that does the same, where one can be written. */
  readonly commandLine = $derived(this.#check.answer?.commandLine ?? null);
  readonly complete = $derived(this.said !== null && this.problems.length === 0);

  constructor(target: RunTarget) {
    this.container = "container" in target ? target.container : null;
    this.image = "image" in target ? target.image : null;
    this.called = this.image?.name ?? this.container?.image ?? "";
  }

  /** Reads what was said last, and what the image says. */
  async load(): Promise<void> {
    const { container, image } = this;
    try {
      const loaded = container ? await api.runForm(container.id) : await api.usualRunForm();
      this.mounts = loaded.mounts.join("\n");
      this.memory = loaded.memory.join("\n");
      this.ports = loaded.ports.join(" ");
      // Input that came with a terminal goes with it.
      this.form = { ...loaded, stdin: loaded.stdin && !loaded.terminal };
      const config = container
        ? await api.containerSettings(container.id)
        : (await api.image(image?.reference ?? "")).config;
      this.usual = {
        cmd: shellLine(config.cmd),
        entrypoint: shellLine(config.entrypoint),
        workdir: config.workdir ?? "",
        user: config.user ?? "",
      };
    } catch (thrown) {
      this.error = toApiError(thrown);
    }
  }

  /** Has the engine read what was typed, once nothing was typed for a moment. */
  check(): void {
    const { said, name, called, container } = this;
    if (said) this.#check.ask(() => api.checkRunForm(said, called, container?.name ?? name), CHECK_PAUSE_MS);
  }

  /** What is wrong with a field. */
  problem(field: RunField): string | null {
    return this.problems.find((one) => one.field === field)?.message ?? null;
  }

  /** Why limits that were asked for cannot be kept here. */
  get unlimited(): string | null {
    const reason = running.probe?.noLimits ?? null;
    const limits = [this.form?.memoryLimit, this.form?.cpus, this.form?.processes];
    const wanted = limits.some((limit) => (limit ?? "").trim() !== "");
    return wanted && reason !== null ? `Nothing can be limited here: ${reason}` : null;
  }

  /** Keeps what was said, with a container that is made first where there is none. Returns the container. */
  async keep(wanted: RunForm): Promise<string> {
    if (this.container) {
      await api.setRunForm(this.container.id, wanted);
      return this.container.id;
    }
    const made = await api.createContainer(this.image?.reference ?? "", this.name);
    try {
      await api.setRunForm(made.id, wanted);
    } catch (thrown) {
      throw await withoutIt(made, toApiError(thrown));
    }
    return made.id;
  }

  /** Takes down why it was refused, beside the name where that is at fault. */
  refuse(refused: ApiError): void {
    const name = this.name.trim();
    // Quoted it is the name; the same letters may stand in words about something else.
    const ofName = refused.code === "name_taken" || refused.message.includes(`"${name}"`);
    if (this.image && name !== "" && ofName)
      this.nameError = [refused.message, refused.hint].filter(Boolean).join(" ");
    else this.error = refused;
  }
}
