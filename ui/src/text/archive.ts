/** Names an archive after the images in it: the one's first name, with nothing that a file's name cannot have. */
export function archiveName(images: readonly { names: readonly string[] }[], ending = "tar"): string {
  const [first, ...others] = images;
  const name = others.length === 0 ? first?.names[0] : undefined;
  return `${name ? name.replaceAll(/[/:@]+/g, "-") : "images"}.${ending}`;
}

/** What is asked for to save images: a name takes its image along, an image without one goes by its digest. */
export function savedAs(images: readonly { target: string; names: readonly string[] }[]): string[] {
  return images.flatMap((image) => (image.names.length > 0 ? image.names : [image.target]));
}
