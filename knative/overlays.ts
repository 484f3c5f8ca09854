// The places that One Gate is deployed to: an overlay each.

import { join } from 'node:path';

/** In the order in which the pipeline promotes an image. */
export const OVERLAYS = ['development', 'staging', 'production'] as const;
export type Overlay = (typeof OVERLAYS)[number];

export function folderOf(overlay: Overlay): string {
  return join(import.meta.dirname, 'overlays', overlay);
}

/** Throws a sentence for an unknown name. */
export function overlayNamed(name: string): Overlay {
  const overlay = OVERLAYS.find((each) => each === name);
  if (!overlay) throw new Error(`There is no overlay ${name}. There are: ${OVERLAYS.join(', ')}.`);
  return overlay;
}
