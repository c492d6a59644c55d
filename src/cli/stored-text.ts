// What is stored, in words.

import type { Contents } from '../storage/contents.ts';

export function contentsText({ drivers, layers }: Contents): string {
  return `${drivers.toLocaleString('en')} drivers, ${layers.length} ${layers.length === 1 ? 'layer' : 'layers'} of zones`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const [unit, size] = bytes < 1024 ** 2 ? ['KiB', 1024] : ['MiB', 1024 ** 2];
  return `${(bytes / (size as number)).toFixed(1)} ${unit}`;
}
