/** Working containers: their files, their settings, and what runs in them. */
import {
  commands,
  type CommitForm,
  type CommitOutcome,
  type ContainerChange,
  type ContainerRow,
  type ContainerSettings,
  type FileEdit,
  type FilesAdded,
  type GivenFile,
  type ProgramEnd,
  type PullEvent,
  type RunCheck,
  type RunForm,
  type RunProbe,
  type TerminalRow,
  type TerminalSize,
} from "./bindings";
import { hearing, hearingBytes, unwrap } from "./call";

export const containers = {
  containers: (): Promise<ContainerRow[]> => unwrap(commands.containers()),
  container: (id: string): Promise<ContainerRow> => unwrap(commands.container(id)),
  /** Makes a container; with an empty name one is made up. */
  createContainer: (image: string, name: string): Promise<ContainerRow> =>
    unwrap(commands.createContainer(image, name)),
  /** Removes a container with its changes, for good. */
  removeContainer: (id: string): Promise<number> => unwrap(commands.removeContainer(id)),
  containerSettings: (id: string): Promise<ContainerSettings> => unwrap(commands.containerSettings(id)),
  async setContainerSettings(id: string, settings: ContainerSettings): Promise<void> {
    await unwrap(commands.setContainerSettings(id, settings));
  },
  containerChanges: (id: string): Promise<ContainerChange[]> => unwrap(commands.containerChanges(id)),
  /** Does all of the edits, or none. */
  async editContainer(id: string, edits: FileEdit[]): Promise<void> {
    await unwrap(commands.editContainer(id, edits));
  },
  /** The whole text of a file; refused for what is no text or too long. */
  containerText: (id: string, path: string): Promise<string> => unwrap(commands.containerText(id, path)),
  /** Asks for files, or folders, in a system dialog; none when it was closed. */
  chooseFilesToAdd: (folders: boolean): Promise<GivenFile[]> => unwrap(commands.chooseFilesToAdd(folders)),
  addFiles(
    operation: string,
    form: { container: string; folder: string; tokens: string[] },
    onEvent: (event: PullEvent) => void,
  ): Promise<FilesAdded> {
    const { container, folder, tokens } = form;
    return unwrap(commands.addFiles(operation, container, folder, tokens, hearing(onEvent)));
  },
  /** Finds out whether containers can run here, and what would make more possible. */
  probeRunning: (): Promise<RunProbe> => unwrap(commands.probeRunning()),
  runForm: (container: string): Promise<RunForm> => unwrap(commands.runForm(container)),
  /** A form that nobody has filled in yet. */
  usualRunForm: (): Promise<RunForm> => unwrap(commands.usualRunForm()),
  /** What is wrong with a form, and the same for docker. */
  checkRunForm: (form: RunForm, image: string, name: string): Promise<RunCheck> =>
    unwrap(commands.checkRunForm(form, image, name)),
  async setRunForm(container: string, form: RunForm): Promise<void> {
    await unwrap(commands.setRunForm(container, form));
  },
  /** Starts a container that ends with the window. `onUnpacked` hears how many bytes of its image are unpacked. */
  startInTerminal(
    operation: string,
    container: string,
    size: TerminalSize,
    onUnpacked: (bytes: number) => void,
  ): Promise<TerminalRow> {
    return unwrap(commands.startInTerminal(operation, container, size, hearing(onUnpacked)));
  },
  /** Starts a container that lives on when the window is closed. */
  async startInBackground(
    operation: string,
    container: string,
    onUnpacked: (bytes: number) => void,
  ): Promise<void> {
    await unwrap(commands.startInBackground(operation, container, hearing(onUnpacked)));
  },
  /** Runs one more command in a container that runs. */
  execInContainer: (container: string, command: string, size: TerminalSize): Promise<TerminalRow> =>
    unwrap(commands.execInContainer(container, command, size)),
  /** The programs that this window started in a container. */
  terminals: (container: string): Promise<TerminalRow[]> => unwrap(commands.terminals(container)),
  /**
   * Shows what a program wrote and writes, until it ends; null when another view took its place or `closeView` was called.
   * Whoever looks says by `viewDrawn` how many bytes are drawn, and gets no more than a little ahead of that.
   */
  viewTerminal: (
    terminal: string,
    view: string,
    onOutput: (bytes: Uint8Array) => void,
  ): Promise<ProgramEnd | null> => unwrap(commands.viewTerminal(terminal, view, hearingBytes(onOutput))),
  /** Shows what a container wrote and writes, until it ends; as `viewTerminal`. */
  async viewLog(container: string, view: string, onOutput: (bytes: Uint8Array) => void): Promise<void> {
    await unwrap(commands.viewLog(container, view, hearingBytes(onOutput)));
  },
  async viewDrawn(view: string, bytes: number): Promise<void> {
    await unwrap(commands.viewDrawn(view, bytes));
  },
  async closeView(view: string): Promise<void> {
    await unwrap(commands.closeView(view));
  },
  async terminalInput(terminal: string, text: string): Promise<void> {
    await unwrap(commands.terminalInput(terminal, text));
  },
  async terminalResize(terminal: string, size: TerminalSize): Promise<void> {
    await unwrap(commands.terminalResize(terminal, size));
  },
  /** Kills a program that this window started, or forgets it where it has ended. */
  async closeTerminal(terminal: string): Promise<void> {
    await unwrap(commands.closeTerminal(terminal));
  },
  /** Asks a container to stop, and resolves when it has ended. */
  async stopContainer(container: string): Promise<void> {
    await unwrap(commands.stopContainer(container));
  },
  /** Sends a signal to a container's first program, by its name. */
  async signalContainer(container: string, signal: string): Promise<void> {
    await unwrap(commands.signalContainer(container, signal));
  },
  commit(operation: string, form: CommitForm, onEvent: (event: PullEvent) => void): Promise<CommitOutcome> {
    return unwrap(commands.commit(operation, form, hearing(onEvent)));
  },
};
