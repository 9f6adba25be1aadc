/** The store as a whole, and the settings. */
import {
  commands,
  type CheckReport,
  type DiskUsage,
  type Settings,
  type Sharing,
  type StoreStatus,
} from "./bindings";
import { unwrap } from "./call";

export const store = {
  diskUsage: (): Promise<DiskUsage> => unwrap(commands.diskUsage()),
  /** Which images take the room, and which layers they share. */
  diskSharing: (): Promise<Sharing> => unwrap(commands.diskSharing()),
  /** Compares rows, files and sizes, and with `readData` every byte. `cancel` with the same operation stops it. */
  checkStore: (operation: string, readData: boolean): Promise<CheckReport> =>
    unwrap(commands.checkStore(operation, readData)),

  settings: (): Promise<Settings> => unwrap(commands.settings()),
  /** Saves and gives back what is in force now. */
  saveSettings: (settings: Settings): Promise<Settings> => unwrap(commands.saveSettings(settings)),
  /** Asks for a folder in a system dialog; null when it was closed. */
  chooseStorePlace: (): Promise<string | null> => unwrap(commands.chooseStorePlace()),
  /** Asks for certificate files in a system dialog; none when it was closed. */
  chooseCaFiles: (): Promise<string[]> => unwrap(commands.chooseCaFiles()),
  storeStatus: (): Promise<StoreStatus> => unwrap(commands.storeStatus()),
};
