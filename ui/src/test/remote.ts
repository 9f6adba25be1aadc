import type { Referrer, RemoteImage } from "../api";
import { imageRow } from "./engine";
import { layeredDetail } from "./files";

/** An image of a registry with the layers of `layeredDetail`, of which the base is here. */
export function remoteImage(changes: Partial<RemoteImage> = {}): RemoteImage {
  const detail = layeredDetail();
  return {
    id: "look-1",
    reference: "a.example/team/app:1",
    repository: "a.example/team/app",
    pinned: "a.example/team/app@sha256:manifest",
    row: imageRow("app", { platform: "linux/amd64", layers: detail.row.layers }),
    manifestDigest: "sha256:manifest",
    targetDigest: "sha256:index",
    configDigest: "sha256:config",
    indexPlatforms: [
      { platform: "linux/amd64", digest: "sha256:manifest", present: false, attestation: false },
      { platform: "linux/arm64", digest: "sha256:other", present: false, attestation: false },
    ],
    config: detail.config,
    history: detail.history,
    layers: detail.layers,
    blobs: [
      { digest: "sha256:config", size: 1000, present: false, partial: 0, diffId: null },
      ...detail.layers.map((layer, index) => ({
        digest: layer.digest,
        size: layer.size,
        present: index === 0,
        partial: 0,
        diffId: layer.diffId,
      })),
    ],
    downloadBytes: 41e6,
    totalBytes: 180e6,
    upToDate: false,
    commandLine: "strata pull a.example/team/app:1",
    ...changes,
  };
}

export function referrer(changes: Partial<Referrer> = {}): Referrer {
  return {
    digest: "sha256:5b0m",
    size: 700,
    kind: "sbom",
    artifactType: "application/spdx+json",
    annotations: [],
    ...changes,
  };
}
