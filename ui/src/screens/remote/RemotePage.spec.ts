import { render, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { dialogs } from "../../state/dialogs.svelte";
import { navigation } from "../../state/navigation.svelte";
import { status } from "../../state/status.svelte";
import { fakeEngine, held, refuse, refuseLogin, report } from "../../test/engine";
import { fakeOutline, listedFile } from "../../test/files";
import { referrer, remoteImage } from "../../test/remote";
import RemotePage from "./RemotePage.svelte";

let number = 0;
/** Another image each time: what is known of one stays with it. */
const another = (): { reference: string } => ({ reference: `a.example/team/app:${String(++number)}` });
const facts = { file_facts: () => ({ file: listedFile("app"), touches: [], xattrs: [] }) };
const tab = (name: string): Promise<HTMLElement> => screen.findByRole("tab", { name });

beforeEach(() => {
  dialogs.close();
  status.value = null;
  navigation.remoteTab = "overview";
});

describe("an image of a registry", () => {
  it("tells before any pull what it is and what it would cost", async () => {
    const engine = fakeEngine({ look_at_remote: () => remoteImage(), cancel: () => null });
    const props = another();
    render(RemotePage, { props });
    expect(await screen.findByText("41 of 180 MB to download")).toBeVisible();
    expect(screen.getByText("The rest is here.")).toBeVisible();
    expect(screen.getByText("linux/amd64, 180 MB, in the registry")).toBeVisible();
    expect(engine.asked("look_at_remote")[0]).toMatchObject({ ...props, platform: null });
    await userEvent.click(screen.getByRole("button", { name: "Pull…" }));
    expect(dialogs.current).toEqual({ kind: "pull", reference: props.reference });
  });

  it("looks at another platform when that is chosen, and pulls that one", async () => {
    const engine = fakeEngine({
      look_at_remote: ({ platform }) =>
        platform === "linux/arm64"
          ? remoteImage({
              manifestDigest: "sha256:other",
              commandLine: "strata pull --platform linux/arm64 x",
            })
          : remoteImage(),
      cancel: () => null,
    });
    const props = another();
    render(RemotePage, { props });
    const platform = await screen.findByRole("combobox", { name: /^Platform/ });
    platform.focus();
    await userEvent.keyboard("{ArrowDown}{ArrowDown}{Enter}");
    expect(await screen.findByText("strata pull --platform linux/arm64 x")).toBeVisible();
    expect(engine.asked("look_at_remote")[1]).toMatchObject({ platform: "linux/arm64" });
    await userEvent.click(screen.getByRole("button", { name: "Pull…" }));
    expect(dialogs.current).toMatchObject({ kind: "pull", platform: "linux/arm64" });
  });

  it("lists the files of one layer by reading only that one, once somebody wants it", async () => {
    const read = held<null>();
    const engine = fakeEngine({
      look_at_remote: () => remoteImage(),
      read_remote_layer: () => read.promise,
      file_outline: fakeOutline(["etc/", "etc/app.conf", "app"]),
      ...facts,
      cancel: () => null,
    });
    render(RemotePage, { props: another() });
    await userEvent.click(await tab("Layers"));
    const list = await screen.findByRole("button", { name: "List its files" });
    const layer = remoteImage().layers.length;
    expect(engine.asked("read_remote_layer")).toEqual([]);
    await userEvent.click(list);
    const bar = await screen.findByRole("progressbar", { name: `Layer ${String(layer)}` });
    const [asked] = engine.asked("read_remote_layer");
    expect(asked).toMatchObject({ image: "look-1", layer, content: false });
    const { digest, size } = remoteImage().layers[layer - 1] ?? { digest: "", size: 0 };
    report(asked, {
      kind: "progress",
      blobs: [{ digest, current: size / 2 }],
      fetchedBytes: size / 2,
      bytesPerSecond: 1,
      secondsLeft: null,
    });
    await waitFor(() => {
      expect(bar).toHaveAttribute("aria-valuenow", "50");
    });
    read.settle(null);
    await userEvent.click(await screen.findByRole("treeitem", { name: /^app/ }));
    expect(engine.asked("file_outline")[0]).toMatchObject({ target: { remote: "look-1", layer } });
    // Names came, content did not: that is a second wish.
    expect(engine.asked("file_content")).toEqual([]);
    await userEvent.click(await screen.findByRole("button", { name: /^Fetch .* to read files$/ }));
    expect(engine.asked("read_remote_layer")[1]).toMatchObject({ layer, content: true });
  });

  it("reads a layer that is here at once", async () => {
    const engine = fakeEngine({
      look_at_remote: () => remoteImage(),
      read_remote_layer: () => null,
      file_outline: fakeOutline(["base"]),
      cancel: () => null,
    });
    render(RemotePage, { props: another() });
    await userEvent.click(await tab("Layers"));
    await userEvent.click(await screen.findByRole("button", { name: /Layer 1, on this computer/ }));
    expect(await screen.findByRole("treeitem", { name: /^base/ })).toBeVisible();
    expect(engine.asked("read_remote_layer")).toHaveLength(1);
  });

  it("stops reading a layer, and says nothing about it", async () => {
    const read = held<null>();
    const engine = fakeEngine({
      look_at_remote: () => remoteImage(),
      read_remote_layer: () => read.promise,
      cancel: () => {
        read.fail({ code: "cancelled", message: "Cancelled." });
        return null;
      },
    });
    render(RemotePage, { props: another() });
    await userEvent.click(await tab("Layers"));
    await userEvent.click(await screen.findByRole("button", { name: "List its files" }));
    await userEvent.click(await screen.findByRole("button", { name: "Cancel" }));
    expect(await screen.findByRole("button", { name: "List its files" })).toBeVisible();
    expect(engine.asked("cancel")[0]).toMatchObject({
      operation: engine.asked("read_remote_layer")[0]?.["operation"],
    });
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("lists what refers to it as what it is", async () => {
    fakeEngine({
      look_at_remote: () => remoteImage(),
      remote_referrers: () => [
        referrer(),
        referrer({ kind: "signature", artifactType: null, digest: "sha256:516" }),
        referrer({ kind: "attestation", artifactType: "https://slsa.dev/\u202eprovenance/v1" }),
      ],
      cancel: () => null,
    });
    render(RemotePage, { props: another() });
    await userEvent.click(await tab("Referrers"));
    const rows = await screen.findAllByRole("listitem");
    const texts = rows.map((row) => row.textContent);
    expect(texts[0]).toContain("SBOM");
    expect(texts[0]).toContain("application/spdx+json");
    expect(texts[1]).toContain("Signature");
    expect(texts[2]).toContain("Attestation");
    expect(texts[2]).not.toContain("\u202e");
    expect(screen.getByText(/Nothing of it was verified/)).toBeVisible();
  });

  it("is compared by digest, whatever becomes of the tag", async () => {
    const engine = fakeEngine({
      look_at_remote: () => remoteImage(),
      complete_reference: () => [],
      compare: () => refuse("not_found", "There is no image app:0 here."),
      cancel: () => null,
    });
    render(RemotePage, { props: another() });
    await userEvent.click(await screen.findByRole("button", { name: "Compare with…" }));
    await userEvent.type(await screen.findByRole("combobox", { name: "Compare with" }), "app:0{Enter}");
    await screen.findByRole("alert");
    expect(engine.asked("compare")[0]).toMatchObject({
      a: { kind: "registry", value: "a.example/team/app@sha256:manifest" },
      b: { kind: "here", value: "app:0" },
    });
  });

  it("offers to sign in where nobody is let in", async () => {
    fakeEngine({
      look_at_remote: () => refuseLogin("a.example"),
      cancel: () => null,
    });
    render(RemotePage, { props: another() });
    await userEvent.click(await screen.findByRole("button", { name: "Sign in…" }));
    expect(dialogs.current).toMatchObject({ kind: "sign in", host: "a.example" });
  });
});
