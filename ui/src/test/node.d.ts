/** What vite.config.ts takes of Node. The window's code knows nothing of Node, so its types are not here. */
declare module "node:os" {
  export function availableParallelism(): number;
}
