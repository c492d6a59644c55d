// The portable engine's index: an R-tree (rbush) for each coarse H3 cell that has drivers, in plain longitude and latitude.
//
// H3 only spreads drivers over small trees, which keeps a move cheap. No answer depends on where H3 draws its borders: a search asks every
// tree whose bounds meet its boxes, and the caller tests each candidate exactly. Longitudes are held in −180 < x ≤ 180.

import { latLngToCell } from 'h3-js';
import RBush from 'rbush';
import type { FlatBox } from '../geo/boxes.ts';
import { normalLon } from '../geo/distance.ts';
import type { DriverRecord } from './record.ts';

/** 5,882 cells of about 86,000 km²: a metropolis in one or two, a world-wide fleet in a few thousand. */
const CELL_RESOLUTION = 2;
const NODE_ENTRIES_MAX = 16;

interface Bounds {
  minX: number;
  minY: number;
  maxX: number;
  maxY: number;
}

/** The nodes of rbush as its documented `toJSON` hands them out. */
interface TreeNode extends Bounds {
  readonly leaf: boolean;
  readonly children: readonly (TreeNode | IndexedDriver)[];
}

/** A driver in the index. Its place must not change while it is inside: take it out first. */
export interface IndexedDriver {
  record: DriverRecord;
  cell: string;
}

class Tree extends RBush<IndexedDriver> {
  override toBBox({ record }: IndexedDriver): Bounds {
    const x = normalLon(record.lon);
    return { minX: x, minY: record.lat, maxX: x, maxY: record.lat };
  }

  override compareMinX(a: IndexedDriver, b: IndexedDriver): number {
    return normalLon(a.record.lon) - normalLon(b.record.lon);
  }

  override compareMinY(a: IndexedDriver, b: IndexedDriver): number {
    return a.record.lat - b.record.lat;
  }
}

export class Shards {
  readonly #trees = new Map<string, Tree>();

  insert(driver: IndexedDriver): void {
    driver.cell = latLngToCell(driver.record.lat, driver.record.lon, CELL_RESOLUTION);
    let tree = this.#trees.get(driver.cell);
    if (tree === undefined) {
      tree = new Tree(NODE_ENTRIES_MAX);
      this.#trees.set(driver.cell, tree);
    }
    tree.insert(driver);
  }

  remove(driver: IndexedDriver): void {
    const tree = this.#trees.get(driver.cell);
    if (tree === undefined) return;
    tree.remove(driver);
    if ((tree.toJSON() as TreeNode).children.length === 0) this.#trees.delete(driver.cell);
  }

  /**
   * Visits every driver that lies in any of the boxes, each once, until `visit` returns false.
   * @returns how many trees it opened
   */
  visit(boxes: readonly FlatBox[], visit: (driver: IndexedDriver) => boolean): number {
    let opened = 0;
    for (const tree of this.#trees.values()) {
      const root = tree.toJSON() as TreeNode;
      if (!meets(boxes, root.minX, root.minY, root.maxX, root.maxY)) continue;
      opened++;
      if (!visitNode(root, boxes, visit)) break;
    }
    return opened;
  }
}

function visitNode(node: TreeNode, boxes: readonly FlatBox[], visit: (driver: IndexedDriver) => boolean): boolean {
  if (node.leaf) {
    for (const driver of node.children as readonly IndexedDriver[]) {
      const x = normalLon(driver.record.lon);
      const y = driver.record.lat;
      if (meets(boxes, x, y, x, y) && !visit(driver)) return false;
    }
    return true;
  }
  for (const child of node.children as readonly TreeNode[]) {
    if (meets(boxes, child.minX, child.minY, child.maxX, child.maxY) && !visitNode(child, boxes, visit)) return false;
  }
  return true;
}

function meets(boxes: readonly FlatBox[], minX: number, minY: number, maxX: number, maxY: number): boolean {
  for (const box of boxes) {
    if (maxX >= box.west && minX <= box.east && maxY >= box.south && minY <= box.north) return true;
  }
  return false;
}
