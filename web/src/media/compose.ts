// SPDX-License-Identifier: AGPL-3.0-or-later
// One picture of a partial unmasking.
import type { Box } from '../lib/case/regions';

export type Drawable = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** @masked null: black. */
export function compose(context: Drawable, original: CanvasImageSource, masked: CanvasImageSource | null, boxes: Box[], width: number, height: number) {
  context.fillStyle = '#000';
  context.fillRect(0, 0, width, height);
  if (masked) context.drawImage(masked, 0, 0, width, height);
  for (const box of boxes) {
    context.save();
    context.beginPath();
    context.ellipse(box.x * width, box.y * height, (box.w * width) / 2, (box.h * height) / 2, 0, 0, 2 * Math.PI);
    context.clip();
    context.drawImage(original, 0, 0, width, height);
    context.restore();
  }
}
